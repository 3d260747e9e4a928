/* Convolutions to a few channels, as a network ends with: sums over what a pixel's channels are.
 *
 * Elsewhere output channels are what is computed at once. Where there are three, most of a vector
 * would be idle; here the input's channels are, which are added up at the very end. All pictures
 * are N, H, W, C in memory.
 */

#include <string.h>

#include "product.h"

typedef struct {
    const float *input, *weights, *bias;
    float *output;
    ptrdiff_t height, width, channels_in, kernel;
    float slope; /* of the leaky ReLU that follows, or 1 */
} Convolution;

typedef float Pair __attribute__((vector_size(8)));
typedef float Four __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));

/* By halves, which stay in registers. */
static inline float total(Floats values) {
#if LANES == 16
    Eight eights[2];
    memcpy(eights, &values, sizeof values);
    Eight eight = eights[0] + eights[1];
#elif LANES == 8
    Eight eight = values;
#endif
#if LANES >= 8
    Four fours[2];
    memcpy(fours, &eight, sizeof eight);
    Four four = fours[0] + fours[1];
#else
    Four four = values;
#endif
    Pair pairs[2];
    memcpy(pairs, &four, sizeof four);
    Pair pair = pairs[0] + pairs[1];
    return pair[0] + pair[1];
}

static inline float activate_one(float value, float slope) {
    return value > 0 ? value : value * slope;
}

/* As many neighbours of a row as there are registers for, from a patch with rows `row` apart; the
 * first `count` are kept. */
#define DEFINE_NEIGHBOURS(outputs)                                                             \
    static void neighbours_##outputs(const Convolution *of, const float *patch, ptrdiff_t row, \
                                     ptrdiff_t count, float *output) {                         \
        enum { pixels = SUMS / (outputs) };                                                    \
        const float *weights = of->weights;                                                    \
        ptrdiff_t channels = of->channels_in;                                                  \
        Floats sum[pixels][outputs];                                                           \
        EACH (p, pixels)                                                                       \
            EACH (o, outputs) sum[p][o] = (Floats){0};                                         \
        for (ptrdiff_t y = 0; y < of->kernel; y++)                                             \
            for (ptrdiff_t x = 0; x < of->kernel; x++, weights += (outputs) * channels)        \
                for (ptrdiff_t c = 0; c < channels; c += LANES) {                              \
                    const float *values = patch + y * row + x * channels + c;                  \
                    Floats factor[outputs];                                                    \
                    EACH (o, outputs) factor[o] = load(weights + o * channels + c);            \
                    EACH (p, pixels) {                                                         \
                        Floats value = load(values + p * channels);                            \
                        EACH (o, outputs) sum[p][o] += value * factor[o];                      \
                    }                                                                          \
                }                                                                              \
        float totals[pixels * (outputs)];                                                      \
        EACH (p, pixels)                                                                       \
            EACH (o, outputs)                                                                  \
                totals[p * (outputs) + o] =                                                    \
                    activate_one(total(sum[p][o]) + of->bias[o], of->slope);                   \
        memcpy(output, totals, (size_t)(count * (outputs)) * sizeof(float));                   \
    }
DEFINE_NEIGHBOURS(1)
DEFINE_NEIGHBOURS(2)
DEFINE_NEIGHBOURS(3)
DEFINE_NEIGHBOURS(4)

typedef void Neighbours(const Convolution *, const float *, ptrdiff_t, ptrdiff_t, float *);
static Neighbours *const of_outputs[] = {NULL, neighbours_1, neighbours_2, neighbours_3,
                                         neighbours_4};

/* What `pixels` outputs from (top, left) on depend on, zero outside of the picture. */
static void copy_patch(const Convolution *of, const float *picture, ptrdiff_t top, ptrdiff_t left,
                       ptrdiff_t columns, float *patch) {
    size_t bytes = (size_t)of->channels_in * sizeof(float);
    for (ptrdiff_t y = top; y < top + of->kernel; y++)
        for (ptrdiff_t x = left; x < left + columns; x++, patch += of->channels_in)
            if (y < 0 || y >= of->height || x < 0 || x >= of->width)
                memset(patch, 0, bytes);
            else
                memcpy(patch, picture + (y * of->width + x) * of->channels_in, bytes);
}

/* One row of the output, of all pictures' rows. */
static void convolve_row(const Convolution *of, ptrdiff_t line, ptrdiff_t outputs, float *patch) {
    ptrdiff_t pixels = SUMS / outputs, columns = pixels + of->kernel - 1;
    ptrdiff_t row = of->width * of->channels_in, top = line % of->height - of->kernel / 2;
    const float *picture = of->input + line / of->height * of->height * row;
    for (ptrdiff_t first = 0; first < of->width; first += pixels) {
        ptrdiff_t left = first - of->kernel / 2, rest = of->width - first;
        ptrdiff_t count = rest < pixels ? rest : pixels;
        float *output = of->output + (line * of->width + first) * outputs;
        if (top >= 0 && left >= 0 && top + of->kernel <= of->height &&
            left + columns <= of->width) {
            const float *from = picture + top * row + left * of->channels_in;
            of_outputs[outputs](of, from, row, count, output);
        } else {
            copy_patch(of, picture, top, left, columns, patch);
            of_outputs[outputs](of, patch, columns * of->channels_in, count, output);
        }
    }
}

/* Returns 0, or 1 where there was no memory. Input channels must be a multiple of LANES, those of
 * the output at most 4; weights as layers/native/convolution.py lays them out. */
int narrow(const float *input, const float *weights, const float *bias, float *output,
           ptrdiff_t images, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels_in,
           ptrdiff_t channels_out, ptrdiff_t kernel, float slope, int threads) {
    Convolution of = {input, weights, bias, output, height, width, channels_in, kernel, slope};
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        float *patch = allocate(kernel * (SUMS + kernel) * channels_in);
        failed = !patch;
#pragma omp for schedule(static)
        for (ptrdiff_t line = 0; line < images * height; line++)
            if (!failed) convolve_row(&of, line, channels_out, patch);
        free(patch);
    }
    return failed;
}
