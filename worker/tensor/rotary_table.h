// The angles of rotary positions. The same bits on every host: no libm, additions, multiplications
// and divisions of doubles in a fixed order.
//
// Source: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
// section 3.2.2.
#pragma once

#include <cstdint>

namespace paracord {

// table [length, head_width], in the host's memory: token l turns pair i < head_width / 2 by l *
// base^(-2 i / head_width); the angle's cosine is at [l, i], its sine at [l, head_width / 2 + i],
// each within 1e-7 of the exact value for lengths up to 2^24. head_width is even, base above 1.
void FillRotaryTable(int64_t length, int64_t head_width, double base, float* table);

}  // namespace paracord
