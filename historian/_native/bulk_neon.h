/* The scan of a chunk for 64-bit ARM processors: eight values at a time. */
#ifndef HISTORIAN_BULK_NEON_H
#define HISTORIAN_BULK_NEON_H

#include <arm_neon.h>

#include "bulk_halves.h"

#define TARGET
#define WIDTH 16
#define NAME(name) name##_neon
#define UPPER_HALVES(a, b) ((INTS)vuzp2q_s32((int32x4_t)(a), (int32x4_t)(b)))
#define TO_FLOATS(x) ((FLOATS)vcvtq_f32_s32((int32x4_t)(x)))
#define TO_INTS(x) ((INTS)vcvtnq_s32_f32((float32x4_t)(x)))
#define MULTIPLY_ADD(a, b, c) ((FLOATS)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define MIN_DOUBLES(a, b) ((DOUBLES)vminnmq_f64((float64x2_t)(a), (float64x2_t)(b)))
#define MAX_DOUBLES(a, b) ((DOUBLES)vmaxnmq_f64((float64x2_t)(a), (float64x2_t)(b)))
#define MIN_SHORTS(a, b) ((SHORTS)vminq_s16((int16x8_t)(a), (int16x8_t)(b)))
#define MAX_SHORTS(a, b) ((SHORTS)vmaxq_s16((int16x8_t)(a), (int16x8_t)(b)))
#define NARROW(a, b) ((SHORTS)vqmovn_high_s32(vqmovn_s32((int32x4_t)(a)), (int32x4_t)(b)))
#define ANY_TRUE(x) (vminvq_s16((int16x8_t)(x)) < 0)
#include "bulk_wide.h"

#endif
