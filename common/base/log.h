// One line an event, to stderr: time, level, who, text. Any thread.   [door: spdlog]
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace paracord {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// `who` is printed in every line: "server-1", "worker-0/task mnist-1.2". Call once, before threads
// start.
void SetLogName(const std::string& who);
void SetLogLevel(LogLevel level);
// As in configuration files: debug, info, warning, error, in the order of LogLevel.
const std::vector<std::string>& LogLevelWords();

void LogLine(LogLevel level, const std::string& text);

template <class... Parts>
void LogInfo(const Parts&... parts) {
  LogLine(LogLevel::kInfo, absl::StrCat(parts...));
}
template <class... Parts>
void LogWarning(const Parts&... parts) {
  LogLine(LogLevel::kWarning, absl::StrCat(parts...));
}
template <class... Parts>
void LogError(const Parts&... parts) {
  LogLine(LogLevel::kError, absl::StrCat(parts...));
}

}  // namespace paracord
