/* PPM images (P6, 8 bits) as packed BGR bytes: enough for an example to need no library. */

#ifndef NST_RT_EXAMPLES_PPM_H
#define NST_RT_EXAMPLES_PPM_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void ppm_swap_red_and_blue(unsigned char *pixels, size_t count) {
    for (size_t pixel = 0; pixel < count; ++pixel, pixels += 3) {
        unsigned char first = pixels[0];
        pixels[0] = pixels[2];
        pixels[2] = first;
    }
}

/* The next number of a header, past white space and comments; -1 where there is none. */
static int ppm_number(FILE *file) {
    int letter = fgetc(file), number = 0, digits = 0;
    while (isspace(letter) || letter == '#') {
        if (letter == '#') while (letter != '\n' && letter != EOF) letter = fgetc(file);
        letter = fgetc(file);
    }
    for (; isdigit(letter) && digits < 7; ++digits, letter = fgetc(file)) number = number * 10 + (letter - '0');
    return digits && isspace(letter) ? number : -1;
}

/* To be freed by the caller; NULL with a message on stderr where it cannot be read. */
static unsigned char *ppm_read(const char *path, int *width, int *height) {
    FILE *file = fopen(path, "rb");
    unsigned char *pixels = NULL;
    if (!file) {
        fprintf(stderr, "%s: cannot be opened. Check the path\n", path);
        return NULL;
    }
    int is_ppm = fgetc(file) == 'P' && fgetc(file) == '6', depth = -1;
    if (is_ppm) {
        *width = ppm_number(file);
        *height = ppm_number(file);
        depth = ppm_number(file);
    }
    if (!is_ppm || *width < 1 || *height < 1 || *width > 32768 || *height > 32768 || depth != 255) {
        fprintf(stderr, "%s: no PPM image of 8 bits (P6). Convert it: ffmpeg -i IMAGE -pix_fmt rgb24 %s\n", path,
                path);
    } else {
        size_t bytes = (size_t)*width * (size_t)*height * 3;
        pixels = (unsigned char *)malloc(bytes);
        if (!pixels || fread(pixels, 1, bytes, file) != bytes) {
            fprintf(stderr, "%s: it ends too early, or is too large\n", path);
            free(pixels);
            pixels = NULL;
        } else {
            ppm_swap_red_and_blue(pixels, bytes / 3);
        }
    }
    fclose(file);
    return pixels;
}

/* Writes beside the file and moves, so that no half image is left. Returns 0, or -1 with a message on stderr. */
static int ppm_write(const char *path, unsigned char *pixels, int width, int height) {
    char temporary[4096];
    size_t count = (size_t)width * (size_t)height;
    int done = snprintf(temporary, sizeof temporary, "%s.part", path) < (int)sizeof temporary;
    FILE *file = done ? fopen(temporary, "wb") : NULL;
    if (file) {
        ppm_swap_red_and_blue(pixels, count);
        done = fprintf(file, "P6\n%d %d\n255\n", width, height) > 0 && fwrite(pixels, 3, count, file) == count;
        ppm_swap_red_and_blue(pixels, count);
        done = fclose(file) == 0 && done && rename(temporary, path) == 0;
        if (!done) remove(temporary);
    }
    if (!file || !done) {
        fprintf(stderr, "%s: cannot be written. Check the folder and the space left\n", path);
        return -1;
    }
    return 0;
}

#endif
