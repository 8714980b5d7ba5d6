/* A render loop in SDL2 through the C ABI: frames are drawn, stylised and shown; the space bar takes the next style.
 *
 *     nst_rt_live_sdl MODEL.onnx [FRAMES]
 *
 * In your program `draw` is your renderer or your camera. FRAMES ends it after so many. */

#include <SDL.h>
#include <nst_rt/nst_rt.h>
#include <stdio.h>
#include <stdlib.h>

enum { width = 640, height = 360 };

static void draw(unsigned char *bgr, int number) {
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x, bgr += 3) {
            int ball = (x - 320 - number % 200) * (x - 320 - number % 200) + (y - 180) * (y - 180) < 6400;
            bgr[0] = (unsigned char)(ball ? 40 : 255 - y / 2);
            bgr[1] = (unsigned char)(ball ? 120 : x / 3);
            bgr[2] = (unsigned char)(ball ? 250 : 60);
        }
}

int main(int count, char **arguments) {
    static unsigned char pixels[width * height * 3];
    int frames = count > 2 ? atoi(arguments[2]) : 0, result = 2;
    nst_rt_stylizer *stylizer = NULL;
    SDL_Window *window = NULL;
    SDL_Renderer *renderer = NULL;
    SDL_Texture *texture = NULL;

    if (count < 2) {
        fprintf(stderr, "usage: nst_rt_live_sdl MODEL.onnx [FRAMES]\n");
        return 2;
    }
    if (nst_rt_open(arguments[1], NULL, &stylizer) || nst_rt_warm_up(stylizer, width, height)) {
        fprintf(stderr, "%s\n", nst_rt_last_error());
        goto end;
    }
    if (SDL_Init(SDL_INIT_VIDEO) != 0 || SDL_CreateWindowAndRenderer(width, height, 0, &window, &renderer) != 0 ||
        !(texture = SDL_CreateTexture(renderer, SDL_PIXELFORMAT_BGR24, SDL_TEXTUREACCESS_STREAMING, width, height))) {
        fprintf(stderr, "SDL: %s\n", SDL_GetError());
        goto end;
    }
    size_t style = 0, styles = nst_rt_style_count(stylizer);
    for (int number = 0, running = 1; running && (frames == 0 || number < frames); ++number) {
        void *target;
        int stride;
        SDL_Event event;
        while (SDL_PollEvent(&event)) {
            if (event.type == SDL_QUIT) running = 0;
            if (event.type == SDL_KEYDOWN && event.key.keysym.sym == SDLK_SPACE && styles > 0)
                nst_rt_set_style(stylizer, nst_rt_style_name(stylizer, ++style % styles));
        }
        draw(pixels, number);
        /* Straight into the texture's memory, whatever its stride. */
        if (SDL_LockTexture(texture, NULL, &target, &stride) != 0) {
            fprintf(stderr, "SDL: %s\n", SDL_GetError());
            goto end;
        }
        int failed = nst_rt_stylize(stylizer, pixels, width, height, 0, (unsigned char *)target, stride);
        SDL_UnlockTexture(texture);
        if (failed) {
            fprintf(stderr, "%s\n", nst_rt_last_error());
            goto end;
        }
        SDL_RenderCopy(renderer, texture, NULL, NULL);
        SDL_RenderPresent(renderer);
    }
    result = 0;

end:
    SDL_Quit();
    nst_rt_close(stylizer);
    return result;
}
