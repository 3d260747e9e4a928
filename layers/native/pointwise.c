/* 1x1 convolutions: matrix products of pixels, N, H, W, C in memory, that stay in the caches. */

#include <string.h>

#include "product.h"

typedef struct {
    const float *weights, *bias;
    ptrdiff_t channels_in, channels_out;
    float slope; /* of the leaky ReLU that follows, or 1 */
} Convolution;

/* `count` pixels, of which memory holds ROWS. */
static void convolve_pixels(const Convolution *of, const float *input, int count, float *output) {
    const float *weights = of->weights;
    float sums[ROWS * WIDEST * LANES];
    for (ptrdiff_t channel = 0; channel < of->channels_out;) {
        ptrdiff_t vectors = take_vectors((of->channels_out - channel) / LANES);
        product(input, weights, sums, of->channels_in, vectors);
        weights += of->channels_in * vectors * LANES;
        for (ptrdiff_t v = 0; v < vectors; v++, channel += LANES) {
            Floats bias = load(of->bias + channel);
            for (int t = 0; t < count; t++) {
                Floats values = load(sums + (t * vectors + v) * LANES) + bias;
                store(output + t * of->channels_out + channel, activate(values, of->slope));
            }
        }
    }
}

/* Returns 0, or 1 where there was no memory. Output channels must be a multiple of LANES; weights
 * and bias as layers/native/convolution.py lays them out. */
int pointwise(const float *input, const float *weights, const float *bias, float *output,
              ptrdiff_t pixels, ptrdiff_t channels_in, ptrdiff_t channels_out, float slope,
              int threads) {
    Convolution of = {weights, bias, channels_in, channels_out, slope};
    ptrdiff_t whole = pixels / ROWS * ROWS;
    float *last = allocate(ROWS * channels_in); /* beyond the input's end nothing may be read */
    if (!last) return 1;
    size_t rest = (size_t)((pixels - whole) * channels_in);
    memcpy(last, input + whole * channels_in, rest * sizeof(float));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (ptrdiff_t first = 0; first < pixels; first += ROWS)
        convolve_pixels(&of, first < whole ? input + first * channels_in : last,
                        first < whole ? ROWS : (int)(pixels - whole),
                        output + first * channels_out);
    free(last);
    return 0;
}

/* What the layout of weights depends on. */
int lanes(void) { return LANES; }
int widest(void) { return WIDEST; }
