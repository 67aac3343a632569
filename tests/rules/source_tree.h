// The project's own files as text, for the tests that hold the sources to the agreement. Build
// folders and fetched data are left out.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace paracord {

struct SourceFile {
  std::string path;  // from the repository's root: "common/base/status.h"
  std::string text;
};
using SourceTree = std::vector<SourceFile>;

inline const std::vector<std::string>& Rooms() {
  static const auto& rooms = *new std::vector<std::string>{
      "proto", "common", "server", "worker", "scheduler", "tests", "configs", "deploy", ".ci"};
  return rooms;
}

inline bool StartsWith(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}
inline bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}
inline bool IsHeader(const SourceFile& file) { return EndsWith(file.path, ".h"); }
inline bool IsCpp(const SourceFile& file) {
  return IsHeader(file) || EndsWith(file.path, ".cc") || EndsWith(file.path, ".cu");
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline const SourceFile* FindFile(const SourceTree& tree, const std::string& path) {
  const auto found =
      std::find_if(tree.begin(), tree.end(), [&](const SourceFile& f) { return f.path == path; });
  return found == tree.end() ? nullptr : &*found;
}

// Is there a file, a unit (path + .h, .cc or .proto) or a folder of this name?
inline bool Names(const SourceTree& tree, const std::string& path) {
  const std::string folder = EndsWith(path, "/") ? path : path + "/";
  return std::any_of(tree.begin(), tree.end(), [&](const SourceFile& file) {
    return file.path == path || file.path == path + ".h" || file.path == path + ".cc" ||
           file.path == path + ".proto" || StartsWith(file.path, folder);
  });
}

inline SourceTree ReadSourceTree(const std::string& root) {
  namespace fs = std::filesystem;
  SourceTree tree;
  const auto add = [&](const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    tree.push_back({fs::relative(path, root).generic_string(), text.str()});
  };
  for (const char* name : {"README.md", "CMakeLists.txt", ".gitignore"}) {
    if (fs::exists(fs::path(root) / name)) add(fs::path(root) / name);
  }
  for (const std::string& room : Rooms()) {
    if (!fs::exists(fs::path(root) / room)) continue;
    for (auto it = fs::recursive_directory_iterator(fs::path(root) / room); it != fs::end(it);
         ++it) {
      const std::string path = fs::relative(it->path(), root).generic_string();
      if (path == "configs/jobs/data" || it->path().filename() == "__pycache__") {
        it.disable_recursion_pending();
      } else if (it->is_regular_file()) {
        add(it->path());
      }
    }
  }
  std::sort(tree.begin(), tree.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return tree;
}

// Read once.
inline const SourceTree& ThisTree() {
  static const auto& tree = *new SourceTree(ReadSourceTree(PARACORD_SOURCE_DIR));
  return tree;
}

// For CHECK(Listed(offences) == ""): all of them in one failure.
inline std::string Listed(const std::vector<std::string>& offences) {
  std::string out;
  for (const std::string& offence : offences) out += "\n" + offence;
  return out;
}

}  // namespace paracord
