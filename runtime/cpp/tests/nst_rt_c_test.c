/* The C ABI against one model with style vectors (three numbers), `tinting` of tests/fixtures/tiny_models.py:
 * stylised = frame / 2 + style. Compiled as C99, so that nst_rt.h is proved to be C.
 *
 *     nst_rt_c_test TINTING.onnx INVERTING.onnx */

#include <nst_rt/nst_rt.h>
#include <stdio.h>
#include <string.h>

static int failures;

static void expect(int holds, const char *what, int line) {
    if (holds) return;
    fprintf(stderr, "line %d: %s (last error: %s)\n", line, what, nst_rt_last_error());
    ++failures;
}
#define EXPECT(condition) expect((condition) ? 1 : 0, #condition, __LINE__)
#define FAILS(status, call, part) (EXPECT((call) == (status)), EXPECT(strstr(nst_rt_last_error(), (part)) != NULL))

enum { side = 16, row = side * 3 };

int main(int count, char **arguments) {
    static unsigned char frame[side * row], wide[side * (row + 16)], before[sizeof wide];
    const float style[3] = {10, 20, 30}, other[3] = {0, 0, 100};
    float read[3] = {0, 0, 0};
    struct {
        nst_rt_options known;
        int newer;
    } longer;
    nst_rt_options options;
    nst_rt_stylizer *stylizer = (nst_rt_stylizer *)&options, *inverting = NULL;

    if (count != 3) return 2;
    EXPECT(nst_rt_abi_version() == NST_RT_ABI_VERSION);
    EXPECT(strlen(nst_rt_version()) >= 5 && strlen(nst_rt_onnxruntime_version()) >= 5);
    EXPECT(strcmp(nst_rt_last_error(), "") == 0);

    /* Null pointers and options that cannot be read. */
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_open(NULL, NULL, &stylizer), "model_path is a null pointer");
    EXPECT(stylizer == NULL);
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_open(arguments[1], NULL, NULL), "stylizer is a null pointer");
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_options_init(NULL, sizeof options), "options is a null pointer");
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_options_init(&options, 4), "sizeof(nst_rt_options)");
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_set_style(NULL, "gogh"), "stylizer is a null pointer");
    EXPECT(nst_rt_style_size(NULL) == 0 && nst_rt_style_count(NULL) == 0 && nst_rt_property(NULL, "style") == NULL);
    nst_rt_close(NULL);
    memset(&options, 0, sizeof options);
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_open(arguments[1], &options, &stylizer), "struct_size is 0");

    /* A program with a newer header: fine until it asks for what this library does not know. */
    EXPECT(nst_rt_options_init(&longer.known, sizeof longer) == NST_RT_OK);
    EXPECT(longer.newer == 0 && longer.known.user_styles == 1 && longer.known.struct_size == sizeof longer);
    longer.known.device = "cpu";
    longer.newer = 1;
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_open(arguments[1], &longer.known, &stylizer), "does not know");
    longer.newer = 0;
    EXPECT(nst_rt_open(arguments[1], &longer.known, &stylizer) == NST_RT_OK);
    nst_rt_close(stylizer);

    EXPECT(nst_rt_options_init(&options, sizeof options) == NST_RT_OK);
    options.device = "gpu";
    FAILS(NST_RT_ERROR_DEVICE, nst_rt_open(arguments[1], &options, &stylizer), "unknown device 'gpu'");
    options.device = "cpu";
    options.threads = 1;
    FAILS(NST_RT_ERROR_MODEL, nst_rt_open("missing.onnx", &options, &stylizer), "missing.onnx: no such model file");
    EXPECT(nst_rt_open(arguments[1], &options, &stylizer) == NST_RT_OK);

    /* Styles. */
    EXPECT(nst_rt_style_size(stylizer) == 3 && nst_rt_style_count(stylizer) == 0);
    EXPECT(nst_rt_style_name(stylizer, 0) == NULL);
    EXPECT(strcmp(nst_rt_property(stylizer, "family"), "test") == 0);
    EXPECT(strcmp(nst_rt_property(stylizer, "device"), "cpu") == 0);
    EXPECT(nst_rt_property(stylizer, "colour") == NULL);
    FAILS(NST_RT_ERROR_STYLE, nst_rt_stylize(stylizer, frame, side, side, 0, frame, 0), "needs a style");
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_style(stylizer, "gogh"), "no style named 'gogh'");
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_style(stylizer, "gogh:0.7+wave:x"),
          "character 15 ('x'): a weight is a number");
    EXPECT(strstr(nst_rt_last_error(), "\n  gogh:0.7+wave:x\n                ^") != NULL);
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_style_vector(stylizer, style, 2), "style vectors of 3 numbers, not 2");
    EXPECT(nst_rt_add_style(stylizer, "gogh", style, 3) == NST_RT_OK);
    EXPECT(nst_rt_add_style(stylizer, "wave", other, 3) == NST_RT_OK);
    EXPECT(strcmp(nst_rt_style_name(stylizer, 1), "wave") == 0);
    EXPECT(nst_rt_set_style(stylizer, "gogh:3+wave:1") == NST_RT_OK);
    EXPECT(strcmp(nst_rt_property(stylizer, "style"), "gogh:3+wave:1") == 0);
    EXPECT(nst_rt_style_vector(stylizer, NULL, read, 3) == NST_RT_OK && read[0] == 7.5f && read[2] == 47.5f);
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_style_vector(stylizer, "gogh", read, 2), "room for 2 numbers");
    EXPECT(nst_rt_set_style_vector(stylizer, style, 3) == NST_RT_OK);

    /* Frames: their sizes, strides with gaps that stay untouched, the bottom row first, in place. */
    FAILS(NST_RT_ERROR_INPUT, nst_rt_stylize(stylizer, frame, 15, side, 0, frame, 0), "15x16 is too small");
    FAILS(NST_RT_ERROR_INPUT, nst_rt_stylize(stylizer, frame, side, 16385, 0, frame, 0), "16x16385 is too large");
    FAILS(NST_RT_ERROR_INPUT, nst_rt_warm_up(stylizer, 2147483647, 2147483647), "too large");
    FAILS(NST_RT_ERROR_INPUT, nst_rt_stylize(stylizer, frame, side, side, 17, frame, 0), "shorter than a row");
    FAILS(NST_RT_ERROR_ARGUMENT, nst_rt_stylize(stylizer, NULL, side, side, 0, frame, 0), "bgr is a null pointer");
    for (size_t index = 0; index < sizeof frame; ++index) frame[index] = (unsigned char)(index / row * 4);
    for (size_t index = 0; index < sizeof wide; ++index) wide[index] = (unsigned char)(index % 251);
    memcpy(before, wide, sizeof wide);
    EXPECT(nst_rt_stylize(stylizer, frame, side, side, 0, wide, row + 16) == NST_RT_OK);
    for (int y = 0; y < side; ++y) {
        const unsigned char *line = wide + y * (row + 16);
        EXPECT(line[0] == y * 2 + 10 && line[1] == y * 2 + 20 && line[row - 1] == y * 2 + 30);
        EXPECT(memcmp(line + row, before + y * (row + 16) + row, 16) == 0);
    }
    EXPECT(nst_rt_stylize(stylizer, wide + (side - 1) * (row + 16), side, side, -(row + 16), wide, row + 16) ==
           NST_RT_OK);
    EXPECT(wide[0] == (15 * 2 + 10) / 2 + 10 && wide[15 * (row + 16) + 1] == 20 / 2 + 20);
    EXPECT(nst_rt_stylize(stylizer, frame, side, side, 0, frame, 0) == NST_RT_OK && frame[3 * row] == 3 * 2 + 10);
    EXPECT(nst_rt_warm_up(stylizer, 32, 16) == NST_RT_OK);

    /* Controls that the model does not have, and those that it has. */
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_strength(stylizer, 0.5f), "was exported without strength");
    EXPECT(nst_rt_open(arguments[2], &options, &inverting) == NST_RT_OK);
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_strength(inverting, 1.5f), "strength 1.5 is out of range");
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_style(inverting, "gogh"), "has one style baked in (invert), not 'gogh'");
    FAILS(NST_RT_ERROR_STYLE, nst_rt_set_style_vector(inverting, style, 3), "has one style baked in");
    EXPECT(nst_rt_set_strength(inverting, 0) == NST_RT_OK && nst_rt_set_color(inverting, 0) == NST_RT_OK);
    memset(frame, 77, sizeof frame);
    EXPECT(nst_rt_stylize(inverting, frame, side, side, 0, frame, 0) == NST_RT_OK && frame[5] == 77);
    EXPECT(nst_rt_set_strength(inverting, 1) == NST_RT_OK);
    EXPECT(nst_rt_stylize(inverting, frame, side, side, 0, frame, 0) == NST_RT_OK && frame[5] == 255 - 77);

    /* A painting: half of its mean colour. */
    memset(frame, 40, sizeof frame);
    EXPECT(nst_rt_read_style(stylizer, frame, side, side, 0, read, 3) == NST_RT_OK && read[1] == 20);
    FAILS(NST_RT_ERROR_STYLE, nst_rt_read_style(inverting, frame, side, side, 0, read, 3), "has one style baked in");

    nst_rt_close(inverting);
    nst_rt_close(stylizer);
    return failures ? 1 : 0;
}
