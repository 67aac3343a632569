#include "common/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace paracord {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& Logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("paracord");
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %L %v");
    return made;
  }();
  return logger;
}

}  // namespace

void SetLogName(const std::string& who) {
  Logger()->set_pattern("%Y-%m-%d %H:%M:%S.%e %L " + who + ": %v");
}

void SetLogLevel(LogLevel level) { Logger()->set_level(ToSpdlog(level)); }

const std::vector<std::string>& LogLevelWords() {
  static const auto* words = new std::vector<std::string>{"debug", "info", "warning", "error"};
  return *words;
}

void LogLine(LogLevel level, const std::string& text) { Logger()->log(ToSpdlog(level), text); }

}  // namespace paracord
