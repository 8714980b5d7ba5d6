/* Stylises a PPM image through the C ABI.
 *
 *     nst_rt_stylize_ppm_c MODEL.onnx IN.ppm OUT.ppm [STYLE [DEVICE]] */

#include <nst_rt/nst_rt.h>

#include "ppm.h"

static int failed(nst_rt_status status) {
    if (status != NST_RT_OK) fprintf(stderr, "%s\n", nst_rt_last_error());
    return status != NST_RT_OK;
}

int main(int count, char **arguments) {
    int width = 0, height = 0, result = 2;
    unsigned char *pixels = NULL;
    nst_rt_options options;
    nst_rt_stylizer *stylizer = NULL;

    if (count < 4 || count > 6) {
        fprintf(stderr, "usage: nst_rt_stylize_ppm_c MODEL.onnx IN.ppm OUT.ppm [STYLE [DEVICE]]\n");
        return 2;
    }
    if (nst_rt_abi_version() < NST_RT_ABI_VERSION) {
        fprintf(stderr, "the library nst_rt is older than this program. Install a newer one\n");
        return 2;
    }
    pixels = ppm_read(arguments[2], &width, &height);
    if (!pixels) return 2;
    if (failed(nst_rt_options_init(&options, sizeof options))) goto end;
    if (count > 5) options.device = arguments[5];
    if (failed(nst_rt_open(arguments[1], &options, &stylizer))) goto end;
    if (count > 4 && failed(nst_rt_set_style(stylizer, arguments[4]))) goto end;
    /* The result may go where the frame is. */
    if (failed(nst_rt_stylize(stylizer, pixels, width, height, 0, pixels, 0))) goto end;
    fprintf(stderr, "on %s, ONNX Runtime %s\n", nst_rt_property(stylizer, "device"), nst_rt_onnxruntime_version());
    if (ppm_write(arguments[3], pixels, width, height) == 0) result = 0;

end:
    nst_rt_close(stylizer);
    free(pixels);
    return result;
}
