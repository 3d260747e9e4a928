/* Matrix products of a few rows, kept in registers: what convolutions here are made of. */

#include <stddef.h>
#include <stdlib.h>

/* LANES floats are computed at once; WIDEST such vectors and as many rows as registers hold. */
#if defined(__AVX512F__)
#define LANES 16
#define WIDEST 4
#define SUMS 24
#elif defined(__AVX__)
#define LANES 8
#define WIDEST 2
#define SUMS 12
#else
#define LANES 4
#define WIDEST 4
#define SUMS 24
#endif
#define ROWS 24 /* of every product; a multiple of SUMS / vectors */

typedef float Floats __attribute__((vector_size(LANES * 4), aligned(4)));
typedef int Ints __attribute__((vector_size(LANES * 4), aligned(4)));

/* Unrolled, else sums would go to memory and back. */
#define EACH(i, count) _Pragma("GCC unroll 24") for (int i = 0; i < (count); i++)

/* Zeroed, or NULL. */
static inline float *allocate(ptrdiff_t floats) { return calloc((size_t)floats, sizeof(float)); }

static inline Floats load(const float *from) { return *(const Floats *)from; }
static inline void store(float *to, Floats values) { *(Floats *)to = values; }

/* Values below zero times `slope`: 1 changes nothing, 0 is a ReLU. NaN stays NaN. */
static inline Floats activate(Floats values, float slope) {
    Ints above = values > 0;
    Floats scaled = values * slope;
    return (Floats)((above & (Ints)values) | (~above & (Ints)scaled));
}

/* Of the vectors that are left, how many a product takes: WIDEST, 2 or 1. */
static inline ptrdiff_t take_vectors(ptrdiff_t left) {
    return left >= WIDEST ? WIDEST : left >= 2 ? 2 : 1;
}

/* ROWS rows of a (steps), times b (steps x vectors), into the rows of sums (vectors). */
#define DEFINE_PRODUCT(vectors)                                                                   \
    static void product_##vectors(const float *a, const float *b, float *sums, ptrdiff_t steps) { \
        enum { together = SUMS / (vectors) };                                                     \
        for (int first = 0; first < ROWS; first += together, a += together * steps) {             \
            Floats sum[together][vectors];                                                        \
            EACH (r, together)                                                                    \
                EACH (v, vectors) sum[r][v] = (Floats){0};                                        \
            for (ptrdiff_t k = 0; k < steps; k++) {                                               \
                Floats factor[vectors];                                                           \
                EACH (v, vectors) factor[v] = load(b + (k * (vectors) + v) * LANES);              \
                EACH (r, together)                                                                \
                    EACH (v, vectors) sum[r][v] += a[r * steps + k] * factor[v];                  \
            }                                                                                     \
            EACH (r, together)                                                                    \
                EACH (v, vectors) store(sums + ((first + r) * (vectors) + v) * LANES, sum[r][v]); \
        }                                                                                         \
    }
DEFINE_PRODUCT(1)
DEFINE_PRODUCT(2)
#if WIDEST == 4
DEFINE_PRODUCT(4)
#endif

static inline void product(const float *a, const float *b, float *sums, ptrdiff_t steps,
                           ptrdiff_t vectors) {
    if (vectors == 1)
        product_1(a, b, sums, steps);
    else if (vectors == 2)
        product_2(a, b, sums, steps);
#if WIDEST == 4
    else
        product_4(a, b, sums, steps);
#endif
}
