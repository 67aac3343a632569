#include "server/remote_generation.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/timer.h"
#include "server/generation_files.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPiece = 4 << 20;
constexpr uint64_t kMostRecord = 64 << 20;
constexpr Duration kPatience = seconds(2);  // the shard tries again later
constexpr Duration kRetry = milliseconds(100);
constexpr Duration kSilence = seconds(5);

absl::StatusOr<Payload> AskOnce(Shard& from, const pb::PullHeader& header) {
  auto answered = std::make_shared<std::promise<absl::StatusOr<Payload>>>();
  auto answer = answered->get_future();
  from.Pull(header, [answered](absl::StatusOr<Payload> r) { answered->set_value(std::move(r)); });
  if (answer.wait_for(kSilence) == std::future_status::ready) return answer.get();
  return absl::DeadlineExceededError(
      absl::StrCat("the server has not answered for ", kSilence / seconds(1), " s"));
}

absl::StatusOr<Payload> Ask(Shard& from, const pb::PullHeader& header) {
  const TimePoint until = Clock::now() + kPatience;
  while (true) {
    auto reply = AskOnce(from, header);
    const bool absent =
        absl::IsUnavailable(reply.status()) || absl::IsDeadlineExceeded(reply.status());
    if (!absent || Clock::now() >= until) return reply;
    std::this_thread::sleep_for(kRetry);
  }
}

// At most `most` bytes.
absl::Status FetchFile(Shard& from, const std::string& hash, const std::string& name, uint64_t most,
                       const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", name);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  pb::PullHeader header;
  header.set_generation(hash);
  header.set_file(name);
  header.set_length(kPiece);
  while (true) {
    ASSIGN_OR_RETURN(const Payload bytes, Ask(from, header));
    for (const Payload::Run& run : bytes.runs()) {
      out.write(run.data, static_cast<std::streamsize>(run.size));
    }
    header.set_offset(header.offset() + bytes.size());
    if (header.offset() > most) {
      return absl::DataLossError(absl::StrCat(name, " has more than ", most, " bytes"));
    }
    if (bytes.size() < kPiece || !out) break;
  }
  out.close();
  if (out) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
}

// The record first: it is known by its hash, and has the names of the others.
absl::Status FetchAll(Shard& from, const std::string& hash, const std::string& folder) {
  RETURN_IF_ERROR(FetchFile(from, hash, kRecordFile, kMostRecord, folder));
  ASSIGN_OR_RETURN(const StoredGeneration stored, ReadRecord(folder));
  if (stored.hash != hash) {
    return absl::DataLossError(
        absl::StrCat("found a record of hash ", stored.hash, ", expected ", hash));
  }
  for (const pb::StoredFile& file : stored.record.files()) {
    if (fs::path(file.name()).filename() != file.name() || file.name() == kRecordFile) {
      return absl::DataLossError(absl::StrCat("the record names a file '", file.name(), "'"));
    }
    RETURN_IF_ERROR(FetchFile(from, hash, file.name(), file.bytes(), folder));
  }
  return VerifyGeneration(folder, hash);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FetchedGeneration>> FetchedGeneration::Fetch(
    Shard& from, const pb::StoredShard& part, const std::string& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  std::unique_ptr<FetchedGeneration> fetched(new FetchedGeneration(folder));
  const absl::Status status = FetchAll(from, part.hash(), folder);
  if (!status.ok()) return Annotate(status, absl::StrCat("from ", part.server()));
  return fetched;
}

FetchedGeneration::~FetchedGeneration() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace paracord
