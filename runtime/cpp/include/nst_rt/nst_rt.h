/* nst-rt's models behind a C ABI: a frame of bytes in, a stylised frame of bytes out.
 *
 *     nst_rt_stylizer *stylizer;
 *     if (nst_rt_open("conditional.onnx", NULL, &stylizer) != NST_RT_OK) puts(nst_rt_last_error());
 *     nst_rt_set_style(stylizer, "gogh:0.7+wave:0.3");
 *     nst_rt_stylize(stylizer, pixels, width, height, stride, stylized, stride);
 *     nst_rt_close(stylizer);
 *
 * Frames are BGR, three bytes per pixel, the top row first. Both sides have 16 to 16384 pixels. A stride is the number
 * of bytes from one row to the next; 0 means width * 3. Strings are UTF-8; on Windows, paths are in the system's code
 * page.
 *
 * Every call that can fail returns a status; nst_rt_last_error() then says what happened and what to do next. Threads
 * may share a stylizer: calls wait for each other. Only nst_rt_close must not run at the same time as another call.
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

/* Grows when functions or options are added; the existing ones never change. A library runs all programs that were
 * built with its own number or a lower one. */
#define NST_RT_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t nst_rt_status;
#define NST_RT_OK 0
#define NST_RT_ERROR_ARGUMENT 1 /* a null pointer, an unknown property, an invalid options struct */
#define NST_RT_ERROR_INPUT 2    /* a frame's size or stride */
#define NST_RT_ERROR_MODEL 3    /* a file is missing, truncated, not made for nst-rt, or breaks the contract */
#define NST_RT_ERROR_STYLE 4    /* a style, blend, vector, strength or colour amount */
#define NST_RT_ERROR_DEVICE 5   /* a device cannot run the model here */
#define NST_RT_ERROR_MEMORY 6
#define NST_RT_ERROR_INTERNAL 7 /* an error in nst-rt itself */

typedef struct nst_rt_stylizer nst_rt_stylizer;

/* Fill it with nst_rt_options_init, then change what you need. New fields are only added at the end. */
typedef struct nst_rt_options {
    size_t struct_size;       /* sizeof(nst_rt_options) in the program */
    const char *device;       /* NULL: "auto". "cpu", "cuda[:N]" and "tensorrt[:N]" are demands */
    const char *engine_cache; /* folder for TensorRT's engines; NULL keeps none */
    int32_t threads;          /* on the CPU; 0: one per physical core */
    int32_t strict;           /* not 0: refuse a GPU session that runs any node on the CPU */
    int32_t user_styles;      /* not 0 (default): also offer the styles that were added with `nst-rt add-style` */
    int32_t verbose;          /* not 0: print ONNX Runtime's own warnings on stderr */
} nst_rt_options;

/* The versions of the loaded library. */
NST_RT_API int32_t nst_rt_abi_version(void);
NST_RT_API const char *nst_rt_version(void);
/* The version of the loaded ONNX Runtime. */
NST_RT_API const char *nst_rt_onnxruntime_version(void);

/* The message of this thread's last call that failed; "" if none did. It is one line; if a blend is malformed, two more
 * lines show the place. Valid until the next call of the thread. */
NST_RT_API const char *nst_rt_last_error(void);

/* Writes the defaults to the first `struct_size` bytes of `options`; pass sizeof(nst_rt_options). */
NST_RT_API nst_rt_status nst_rt_options_init(nst_rt_options *options, size_t struct_size);

/* Opens a model with its first style. `options` may be NULL. If it fails, *stylizer is NULL. */
NST_RT_API nst_rt_status nst_rt_open(const char *model_path, const nst_rt_options *options,
                                     nst_rt_stylizer **stylizer);
/* NULL is allowed. */
NST_RT_API void nst_rt_close(nst_rt_stylizer *stylizer);

/* Stylises a frame into `stylized`, which has the same size and may be the same memory. */
NST_RT_API nst_rt_status nst_rt_stylize(nst_rt_stylizer *stylizer, const uint8_t *bgr, int32_t width, int32_t height,
                                        ptrdiff_t stride, uint8_t *stylized, ptrdiff_t stylized_stride);
/* Opens the session for a frame size and runs it once, so that the first real frame is not slow. */
NST_RT_API nst_rt_status nst_rt_warm_up(nst_rt_stylizer *stylizer, int32_t width, int32_t height);

/* Sets a style by its name or as a blend, "gogh:0.7+wave:0.3". Nothing is rebuilt. */
NST_RT_API nst_rt_status nst_rt_set_style(nst_rt_stylizer *stylizer, const char *expression);
/* Sets a style vector of exactly nst_rt_style_size() numbers. */
NST_RT_API nst_rt_status nst_rt_set_style_vector(nst_rt_stylizer *stylizer, const float *vector, size_t count);
/* Gives a vector a name for nst_rt_set_style and blends. */
NST_RT_API nst_rt_status nst_rt_add_style(nst_rt_stylizer *stylizer, const char *name, const float *vector,
                                          size_t count);
/* Writes the vector of a name or a blend (NULL: of the current style). `vector` has room for `count` numbers, at least
 * nst_rt_style_size(). */
NST_RT_API nst_rt_status nst_rt_style_vector(nst_rt_stylizer *stylizer, const char *expression, float *vector,
                                             size_t count);
/* Writes the style vector of a painting, from the style encoder beside the model. */
NST_RT_API nst_rt_status nst_rt_read_style(nst_rt_stylizer *stylizer, const uint8_t *bgr, int32_t width,
                                           int32_t height, ptrdiff_t stride, float *vector, size_t count);

/* 0 gives the content image, 1 the full style. */
NST_RT_API nst_rt_status nst_rt_set_strength(nst_rt_stylizer *stylizer, float strength);
/* 1 takes the colours of the style, 0 keeps those of the content image. */
NST_RT_API nst_rt_status nst_rt_set_color(nst_rt_stylizer *stylizer, float color);

/* The length of the model's style vectors; 0 if one style is baked in, and for NULL. */
NST_RT_API size_t nst_rt_style_size(const nst_rt_stylizer *stylizer);
/* The number of names that nst_rt_set_style takes. */
NST_RT_API size_t nst_rt_style_count(const nst_rt_stylizer *stylizer);
/* NULL if there is no such index. Valid until the next call of this thread that returns a string. */
NST_RT_API const char *nst_rt_style_name(const nst_rt_stylizer *stylizer, size_t index);
/* "style", "device", "family", "precision", "license", "provenance", "strength_blends", "warnings" (one per line); NULL
 * for any other name. Valid until the next call of this thread that returns a string. */
NST_RT_API const char *nst_rt_property(const nst_rt_stylizer *stylizer, const char *name);

#ifdef __cplusplus
}
#endif

#endif
