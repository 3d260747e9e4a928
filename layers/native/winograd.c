/* 3x3 convolutions in fewer multiplications: Winograd's F(4x4, 3x3).
 *
 * Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4: tiles of
 * 4x4 outputs from patches of 6x6 inputs, Y = A' [(G g G') * (B' d B)] A, in 36 products a channel
 * where 144 are usual. Sums over channels are 36 matrix products of ROWS tiles at a time, so that
 * what lies between stays in the processor's caches.
 *
 * All pictures are N, H, W, C in memory ("channels last").
 */

#include <string.h>

#include "product.h"

#define FREQUENCIES 36
#define GAP 16 /* floats between frequencies: equal distances of 4 kB would share one cache set */

typedef struct {
    const float *input, *weights, *bias;
    float *output;
    ptrdiff_t height, width, channels_in, channels_out;
    ptrdiff_t factor; /* of the pixel shuffle that follows, or 1 */
    float slope;      /* of the leaky ReLU that follows, or 1 */
} Convolution;

typedef struct {
    ptrdiff_t image, top, left; /* of a tile's 4x4 outputs */
} Place;

/* B' of six values. */
static inline void to_frequencies(const Floats d[6], Floats t[6]) {
    Floats even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    Floats difference = d[4] - d[2], slope = 2 * (d[3] - d[1]);
    t[0] = 4 * d[0] - 5 * d[2] + d[4];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = difference + slope;
    t[4] = difference - slope;
    t[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/* A' of six sums. */
static inline void from_frequencies(const Floats m[6], Floats y[4]) {
    Floats near = m[1] + m[2], turn = m[1] - m[2], far = m[3] + m[4], bend = m[3] - m[4];
    y[0] = m[0] + near + far;
    y[1] = turn + 2 * bend;
    y[2] = near + 4 * far;
    y[3] = turn + 8 * bend + m[5];
}

/* A patch of 6x6 pixels, `row` and `pixel` floats apart, into its row of the 36 matrices. */
static void transform_patch(const float *patch, ptrdiff_t row, ptrdiff_t pixel, ptrdiff_t channels,
                            float *matrices) {
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
        Floats columns[6][6];
        for (int x = 0; x < 6; x++) {
            Floats d[6], t[6];
            for (int y = 0; y < 6; y++) d[y] = load(patch + y * row + x * pixel + c);
            to_frequencies(d, t);
            for (int y = 0; y < 6; y++) columns[y][x] = t[y];
        }
        for (int y = 0; y < 6; y++) {
            Floats t[6];
            to_frequencies(columns[y], t);
            for (int x = 0; x < 6; x++)
                store(matrices + (y * 6 + x) * (ROWS * channels + GAP) + c, t[x]);
        }
    }
}

/* The patch of a tile, zero outside of the picture, into its row of the matrices. */
static void transform_tile(const Convolution *of, Place tile, float *padded, float *matrices) {
    ptrdiff_t channels = of->channels_in, row = of->width * channels;
    ptrdiff_t top = tile.top - 1, left = tile.left - 1;
    const float *picture = of->input + tile.image * of->height * row;
    if (top >= 0 && left >= 0 && top + 6 <= of->height && left + 6 <= of->width) {
        transform_patch(picture + top * row + left * channels, row, channels, channels, matrices);
        return;
    }
    for (ptrdiff_t y = top; y < top + 6; y++)
        for (ptrdiff_t x = left; x < left + 6; x++) {
            float *pixel = padded + ((y - top) * 6 + x - left) * channels;
            size_t bytes = (size_t)channels * sizeof(float);
            if (y < 0 || y >= of->height || x < 0 || x >= of->width)
                memset(pixel, 0, bytes);
            else
                memcpy(pixel, picture + y * row + x * channels, bytes);
        }
    transform_patch(padded, 6 * channels, channels, channels, matrices);
}

/* A tile's sums of one vector of channels, from `channel` on, to its pixels of the output. */
static void give_tile(const Convolution *of, Place tile, const float *sums, ptrdiff_t apart,
                      ptrdiff_t channel) {
    ptrdiff_t f = of->factor, channels = of->channels_out / (f * f), phase = channel / channels;
    ptrdiff_t row = of->width * f * channels;
    float *output = of->output + channel % channels + phase % f * channels +
                    ((tile.image * of->height + tile.top) * f + phase / f) * row +
                    tile.left * f * channels;
    ptrdiff_t height = of->height - tile.top, width = of->width - tile.left;
    Floats columns[4][6], bias = load(of->bias + channel);
    for (int x = 0; x < 6; x++) {
        Floats m[6], y[4];
        for (int k = 0; k < 6; k++) m[k] = load(sums + (k * 6 + x) * apart);
        from_frequencies(m, y);
        for (int k = 0; k < 4; k++) columns[k][x] = y[k];
    }
    for (int y = 0; y < 4 && y < height; y++) {
        Floats values[4];
        from_frequencies(columns[y], values);
        for (int x = 0; x < 4 && x < width; x++)
            store(output + (y * row + x * channels) * f, activate(values[x] + bias, of->slope));
    }
}

/* `count` tiles, at most ROWS. */
static void convolve_tiles(const Convolution *of, const Place *tiles, int count, float *padded,
                           float *matrices, float *sums) {
    ptrdiff_t steps = of->channels_in, apart = ROWS * steps + GAP;
    for (int t = 0; t < count; t++) transform_tile(of, tiles[t], padded, matrices + t * steps);
    const float *weights = of->weights;
    for (ptrdiff_t channel = 0; channel < of->channels_out;) {
        ptrdiff_t vectors = take_vectors((of->channels_out - channel) / LANES);
        ptrdiff_t size = ROWS * vectors * LANES + GAP;
        for (int k = 0; k < FREQUENCIES; k++, weights += steps * vectors * LANES)
            product(matrices + k * apart, weights, sums + k * size, steps, vectors);
        for (ptrdiff_t v = 0; v < vectors; v++, channel += LANES)
            for (int t = 0; t < count; t++)
                give_tile(of, tiles[t], sums + (t * vectors + v) * LANES, size, channel);
    }
}

/* Returns 0, or 1 where there was no memory. Channels must be multiples of LANES, those of the
 * output times factor squared; weights and bias as layers/native/convolution.py lays them out. */
int winograd(const float *input, const float *weights, const float *bias, float *output,
             ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels_in,
             ptrdiff_t channels_out, ptrdiff_t factor, float slope, int threads) {
    Convolution of = {input, weights,     bias,         output, height,
                      width, channels_in, channels_out, factor, slope};
    ptrdiff_t down = (height + 3) / 4, across = (width + 3) / 4, tiles = images * down * across;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        float *padded = allocate(FREQUENCIES * channels_in);
        float *matrices = allocate(FREQUENCIES * (ROWS * channels_in + GAP));
        float *sums = allocate(FREQUENCIES * (ROWS * WIDEST * LANES + GAP));
        failed = !padded || !matrices || !sums;
#pragma omp for schedule(static)
        for (ptrdiff_t first = 0; first < tiles; first += ROWS) {
            Place places[ROWS];
            int count = tiles - first < ROWS ? (int)(tiles - first) : ROWS;
            for (int t = 0; t < count; t++) {
                ptrdiff_t tile = first + t, line = tile / across;
                places[t] = (Place){line / down, line % down * 4, tile % across * 4};
            }
            if (!failed) convolve_tiles(&of, places, count, padded, matrices, sums);
        }
        free(padded);
        free(matrices);
        free(sums);
    }
    return failed;
}
