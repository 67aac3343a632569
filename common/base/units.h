// Sizes and durations as people write them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace paracord {

// "1024", "8Gi", "150 MB", "1.5 GiB" -> bytes. K, M, G, T count by 1000, Ki, Mi, Gi, Ti by 1024; a
// B may follow. nullopt: not a size, negative, or 2^63 and more.
std::optional<uint64_t> ParseBytes(const std::string& text);

// "512 bytes", "1.5 GiB": for people, to a tenth.
std::string FormatBytes(uint64_t bytes);

// "500ms", "12h", "2 s", "1.5min" -> nanoseconds. Units: ns, us, ms, s, m or min, h, d; only 0 may
// go without. nullopt: not a duration, negative, or 2^63 ns (292 years) and more.
std::optional<int64_t> ParseNanoseconds(const std::string& text);

}  // namespace paracord
