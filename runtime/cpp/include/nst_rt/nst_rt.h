/* nst-rt's models behind a C ABI: a frame of bytes in, a stylised frame of bytes out.
 *
 *     nst_rt_stylizer *stylizer;
 *     if (nst_rt_open("conditional.onnx", NULL, &stylizer) != NST_RT_OK) puts(nst_rt_last_error());
 *     nst_rt_set_style(stylizer, "gogh:0.7+wave:0.3");
 *     nst_rt_stylize(stylizer, pixels, width, height, stride, stylised, stride);
 *     nst_rt_close(stylizer);
 *
 * Frames are BGR, three bytes a pixel, the top row first; both sides from 16 to 16384 pixels. Strides are in bytes; 0
 * means width * 3. Strings are UTF-8, except that on Windows a path is in the system's code page.
 *
 * Every call that can fail returns a status, and leaves a sentence that says what to do next in nst_rt_last_error().
 * Threads may share a stylizer: its calls wait for each other. nst_rt_close is the exception.
 *
 * SPDX-License-Identifier: MIT */

#ifndef NST_RT_NST_RT_H
#define NST_RT_NST_RT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(NST_RT_BUILDING)
#define NST_RT_API __declspec(dllexport)
#else
#define NST_RT_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define NST_RT_API __attribute__((visibility("default")))
#else
#define NST_RT_API
#endif

/* Grows when something is added; what is there stays as it is. A library of a higher number runs programs that were
 * built with a lower one. */
#define NST_RT_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t nst_rt_status;
#define NST_RT_OK 0
#define NST_RT_ERROR_ARGUMENT 1 /* a null pointer, an unknown property, an options struct that cannot be read */
#define NST_RT_ERROR_INPUT 2    /* a frame's size or stride */
#define NST_RT_ERROR_MODEL 3    /* a file that is missing, broken, not made for nst-rt, or breaks the contract */
#define NST_RT_ERROR_STYLE 4    /* a style, blend, vector, strength or colour amount */
#define NST_RT_ERROR_DEVICE 5   /* a device that cannot run the model here */
#define NST_RT_ERROR_MEMORY 6
#define NST_RT_ERROR_INTERNAL 7 /* a fault of nst-rt */

typedef struct nst_rt_stylizer nst_rt_stylizer;

/* Fill it with nst_rt_options_init, then change what you need. Fields are only ever added at the end. */
typedef struct nst_rt_options {
    size_t struct_size;       /* sizeof(nst_rt_options) of the program */
    const char *device;       /* "auto" (NULL), "cpu", "cuda[:N]", "tensorrt[:N]"; all but auto are demands */
    const char *engine_cache; /* folder for TensorRT's engines; NULL keeps none */
    int32_t threads;          /* of a processor; 0: all physical cores */
    int32_t strict;           /* not 0: refuse a GPU session that leaves a single node to the processor */
    int32_t user_styles;       /* not 0 (default): styles added with `nst-rt add-style`, too */
    int32_t verbose;          /* not 0: ONNX Runtime's own warnings on stderr */
} nst_rt_options;

/* Of the library that is loaded. */
NST_RT_API int32_t nst_rt_abi_version(void);
NST_RT_API const char *nst_rt_version(void);
/* ONNX Runtime's version. */
NST_RT_API const char *nst_rt_onnxruntime_version(void);

/* What went wrong in the last call of this thread that failed; "" if none did. The first line is the whole message;
 * of a blend that cannot be read, two lines follow that show the place. Valid until the next call of the thread. */
NST_RT_API const char *nst_rt_last_error(void);

/* Writes the defaults to the first `struct_size` bytes of `options`; pass sizeof(nst_rt_options). */
NST_RT_API nst_rt_status nst_rt_options_init(nst_rt_options *options, size_t struct_size);

/* Opens a model with its first style. `options` may be NULL. On failure *stylizer is NULL. */
NST_RT_API nst_rt_status nst_rt_open(const char *model_path, const nst_rt_options *options,
                                     nst_rt_stylizer **stylizer);
/* NULL is allowed. */
NST_RT_API void nst_rt_close(nst_rt_stylizer *stylizer);

/* Stylises a frame into `stylized`, which has the same size and may be the same memory. */
NST_RT_API nst_rt_status nst_rt_stylize(nst_rt_stylizer *stylizer, const uint8_t *bgr, int32_t width, int32_t height,
                                        ptrdiff_t stride, uint8_t *stylized, ptrdiff_t stylized_stride);
/* Opens the session for a frame size and runs it, so that the first real frame is as fast as the next. */
NST_RT_API nst_rt_status nst_rt_warm_up(nst_rt_stylizer *stylizer, int32_t width, int32_t height);

/* A name or a blend, "gogh:0.7+wave:0.3". Nothing is rebuilt. */
NST_RT_API nst_rt_status nst_rt_set_style(nst_rt_stylizer *stylizer, const char *expression);
/* Exactly nst_rt_style_size() numbers. */
NST_RT_API nst_rt_status nst_rt_set_style_vector(nst_rt_stylizer *stylizer, const float *vector, size_t count);
/* Names a vector, for nst_rt_set_style and blends. */
NST_RT_API nst_rt_status nst_rt_add_style(nst_rt_stylizer *stylizer, const char *name, const float *vector,
                                          size_t count);
/* Writes the vector of a name or a blend (NULL: of the style in use). `count` is the room, nst_rt_style_size(). */
NST_RT_API nst_rt_status nst_rt_style_vector(nst_rt_stylizer *stylizer, const char *expression, float *vector,
                                             size_t count);
/* Writes the vector of a painting, by the style encoder beside the model. */
NST_RT_API nst_rt_status nst_rt_read_style(nst_rt_stylizer *stylizer, const uint8_t *bgr, int32_t width,
                                           int32_t height, ptrdiff_t stride, float *vector, size_t count);

/* 0 is the photograph, 1 the full style. */
NST_RT_API nst_rt_status nst_rt_set_strength(nst_rt_stylizer *stylizer, float strength);
/* 1 takes the style's colours, 0 keeps the photograph's. */
NST_RT_API nst_rt_status nst_rt_set_color(nst_rt_stylizer *stylizer, float color);

/* Length of the model's style vectors; 0 where the style is baked in, and for NULL. */
NST_RT_API size_t nst_rt_style_size(const nst_rt_stylizer *stylizer);
/* Names that nst_rt_set_style takes. */
NST_RT_API size_t nst_rt_style_count(const nst_rt_stylizer *stylizer);
/* NULL from nst_rt_style_count() on. Valid until the next call of this thread that returns a string. */
NST_RT_API const char *nst_rt_style_name(const nst_rt_stylizer *stylizer, size_t index);
/* "style", "device", "family", "precision", "license", "provenance", "strength_blends", "warnings" (one a line); NULL
 * for another name. Valid until the next call of this thread that returns a string. */
NST_RT_API const char *nst_rt_property(const nst_rt_stylizer *stylizer, const char *name);

#ifdef __cplusplus
}
#endif

#endif
