// What checkpoints cost: a shard of 384 MiB of state (adam: weights and two states) that trains in
// this process and stores to a real disk, and the disk itself beside it.
//   bench_checkpoint [ROUNDS] [FOLDER]     FOLDER: on the disk that is meant; else the temporary
//   one
// A round is a run without checkpoints and one with them, one write and one load of a generation,
// and as many bytes to and from a plain file past the page cache. Exit 1: a limit is exceeded.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/server/shard_room.h"

namespace paracord {
namespace {

namespace fs = std::filesystem;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint64_t kFloats = 2048ull * kBlockFloats;  // 128 MiB, and twice as much of state
constexpr uint64_t kBlocks = kFloats / kBlockFloats;
constexpr uint64_t kBytes = 3 * kFloats * sizeof(float);
constexpr uint64_t kPushBlocks = 16;  // 1 MiB a message
constexpr uint64_t kEvery = 40;       // steps
constexpr uint64_t kCheckpoints = 7;  // a run: 21 in three rounds
constexpr uint64_t kSteps = kEvery * kCheckpoints;
constexpr size_t kPiece = 4 << 20;  // bytes of a raw read or write

double Seconds(TimePoint since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench_checkpoint: %s\n", what.c_str());
  std::exit(1);
}
void Must(const absl::Status& status) {
  if (!status.ok()) Die(Describe(status));
}

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::shared_ptr<const ShardJob> BenchJob(bool checkpoints) {
  JobSpec spec = MakeJob("job", {kFloats, 1}, OptimizerSpec::Kind::kAdam, 2)->spec;
  spec.batch_size = 256;
  spec.checkpoint.every_steps = checkpoints ? kEvery : 0;
  return std::make_shared<const ShardJob>("job", spec);
}

std::vector<float> RandomFloats(uint64_t count) {
  std::mt19937_64 random(5);
  std::vector<float> floats(count);
  for (uint64_t i = 0; i + 1 < count; i += 2) {
    const uint64_t bits = random() & 0xbfffffffbfffffff;  // finite
    std::memcpy(&floats[i], &bits, sizeof(bits));
  }
  return floats;
}

// What a shard needs, on a real disk.
struct Room {
  explicit Room(const fs::path& folder)
      : directory(folder), db(BlockDb::Open(directory.path()).value()) {}

  // On the storage thread: the newest two are enough.
  void DropOld() {
    const auto stored = db->List();
    for (size_t i = 0; i + 2 < stored.size(); ++i) Must(db->Drop(stored[i].record));
  }
  template <class Work>
  void OnStorage(Work work) {
    std::promise<void> done;
    storage.Post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  TemporaryDirectory directory;
  std::unique_ptr<BlockDb> db;
  MemoryBudget budget{4ull << 30};
  ManualTimer timer;
  Crew crew{1};
  Lanes lanes;
  StorageThread storage;
};

// Asks a shard every millisecond and remembers how long each answer took.
class Pings {
 public:
  struct Ping {
    TimePoint sent, answered;
    double ms() const { return Milliseconds(answered - sent).count(); }
  };

  explicit Pings(std::shared_ptr<ParameterShard> shard)
      : shard_(std::move(shard)), thread_([this] { Run(); }) {}
  std::vector<Ping> Stop() {
    stopping_ = true;
    thread_.join();
    return pings_;
  }

 private:
  void Run() {
    pb::QueryRequest request;
    request.set_plan(1);
    while (!stopping_) {
      const TimePoint sent = Clock::now();
      auto answered = std::make_shared<std::promise<TimePoint>>();
      auto answer = answered->get_future();
      shard_->Query(request, [answered](const auto&) { answered->set_value(Clock::now()); });
      pings_.push_back({sent, answer.get()});
      std::this_thread::sleep_until(sent + milliseconds(1));
    }
  }

  const std::shared_ptr<ParameterShard> shard_;
  std::atomic<bool> stopping_{false};
  std::vector<Ping> pings_;
  std::thread thread_;  // last: it uses the rest
};

struct Training {
  double seconds = 0;
  double writer_seconds = 0;             // CPU of the storage thread
  std::vector<double> stalls;            // ms, as the shard reports them
  double ping = 0, checkpoint_ping = 0;  // ms, the longest; in a checkpoint's turn
};

struct Turn {
  TimePoint begin, end;
};

// Pushes gradients for whole steps, each push answered by the weights that it makes.
class Trainer {
 public:
  Trainer(ParameterShard& shard, BlockRange all, const std::vector<float>& gradient)
      : shard_(shard), all_(all), gradient_(gradient) {}

  void Step(uint64_t step) {
    for (uint64_t block = 0; block < all_.end; block += kPushBlocks) {
      const bool trained = block < kBlocks;
      Push(step, {block, trained ? block + kPushBlocks : all_.end});
    }
  }
  Turn last() const { return last_; }  // when the last push was sent and answered

 private:
  void Push(uint64_t step, BlockRange blocks) {
    pb::PushHeader header;
    header.set_plan(1);
    header.set_step(step);
    header.set_total_steps(1 << 20);
    header.set_samples(60'000);
    header.set_node_begin(0);
    header.set_node_end(2);
    header.set_block_begin(blocks.begin);
    header.set_block_end(blocks.end);
    header.set_pull(true);
    const bool trained = blocks.begin < kBlocks;
    const uint64_t count = trained ? blocks.size() * kBlockFloats : 1 + kMetricFloats;
    const float* floats = gradient_.data() + (trained ? blocks.begin * kBlockFloats : 0);
    std::promise<absl::Status> done;
    last_.begin = Clock::now();
    shard_.Push(header, Payload(floats, count, nullptr),
                [&done](const auto& reply) { done.set_value(reply.status()); });
    Must(done.get_future().get());
    last_.end = Clock::now();
  }

  static constexpr uint64_t kMetricFloats = 4;
  ParameterShard& shard_;
  const BlockRange all_;
  const std::vector<float>& gradient_;
  Turn last_;
};

void Sort(const std::vector<Pings::Ping>& pings, const std::vector<Turn>& turns, Training* out) {
  for (const Pings::Ping& ping : pings) {
    const bool in_turn = std::any_of(turns.begin(), turns.end(), [&](const Turn& turn) {
      return ping.sent < turn.end && turn.begin < ping.answered;
    });
    double& longest = in_turn ? out->checkpoint_ping : out->ping;
    longest = std::max(longest, ping.ms());
  }
}

Training Train(const fs::path& folder, const std::vector<float>& gradient, bool checkpoints) {
  Room room(folder);
  const auto job = BenchJob(checkpoints);
  const BlockRange all{0, job->grid.blocks()};
  Training out;
  const auto on_change = [&] {
    const pb::GenerationRecord record = room.db->List().back().record;
    if (record.step() > 0) out.stalls.push_back(record.stall_ms());
    room.DropOld();
  };
  const ShardEnvironment environment{*room.db,   room.storage, room.lanes, room.budget,
                                     room.timer, room.crew,    on_change};
  const auto shard = ParameterShard::Create(job, MakeRange(0, all), environment);
  shard->Adopt(MakePlan(1));
  double writer_begin = 0;
  for (int i = 0; i < 2; ++i) {  // loaded; and step 0 is stored
    room.OnStorage([&] { writer_begin = ThreadSeconds(); });
  }
  Trainer trainer(*shard, all, gradient);
  trainer.Step(0);  // the next has all the memory that training needs
  trainer.Step(1);
  Pings pings(shard);
  std::vector<Turn> turns;
  const TimePoint begin = Clock::now();
  for (uint64_t step = 2; step <= kSteps; ++step) {
    trainer.Step(step);
    if ((step + 1) % kEvery == 0) turns.push_back(trainer.last());
  }
  out.seconds = Seconds(begin);
  Sort(pings.Stop(), turns, &out);
  room.OnStorage([&] { out.writer_seconds = ThreadSeconds() - writer_begin; });
  return out;
}

Generation StoredState(const std::vector<float>& floats) {
  Generation generation;
  generation.record = MakeRecord(1, {0, kBlocks});
  generation.record.set_bytes(kFloats * sizeof(float));
  for (uint64_t block = 0; block < kBlocks; ++block) {
    const auto kind = [&](uint64_t number) {
      const float* at = floats.data() + number * kFloats + block * kBlockFloats;
      return std::shared_ptr<const float>(std::shared_ptr<void>(), at);
    };
    generation.blocks.push_back({block, 1, kind(0), nullptr, kind(1), kind(2), kBlockFloats});
  }
  return generation;
}

// Bytes a second of a plain file past the page cache.
struct RawSpeed {
  double write = 0, read = 0;
};

RawSpeed MeasureRaw(const fs::path& folder, const std::vector<float>& floats) {
  const TemporaryDirectory directory(folder);
  const std::string path = directory.path() + "/raw";
  const std::unique_ptr<char, decltype(&std::free)> piece(
      static_cast<char*>(std::aligned_alloc(4096, kPiece)), &std::free);
  std::memcpy(piece.get(), floats.data(), kPiece);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
  if (file < 0) Die(absl::StrCat(path, ": no direct access: ", std::strerror(errno)));
  RawSpeed speed;
  TimePoint begin = Clock::now();
  for (uint64_t at = 0; at < kBytes; at += kPiece) {
    if (pwrite(file, piece.get(), kPiece, static_cast<off_t>(at)) != kPiece) Die("raw write");
  }
  if (fdatasync(file) != 0) Die("raw sync");
  speed.write = kBytes / Seconds(begin);
  begin = Clock::now();
  for (uint64_t at = 0; at < kBytes; at += kPiece) {
    if (pread(file, piece.get(), kPiece, static_cast<off_t>(at)) != kPiece) Die("raw read");
  }
  speed.read = kBytes / Seconds(begin);
  close(file);
  return speed;
}

// Nothing of these files is in the page cache any more.
void Cool(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const int file = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  }
}

RawSpeed MeasureGeneration(const fs::path& folder, const Generation& generation) {
  const TemporaryDirectory directory(folder);
  const auto db = BlockDb::Open(directory.path()).value();
  const auto job = BenchJob(false);
  RawSpeed speed;
  TimePoint begin = Clock::now();
  const auto stored = db->Write(generation);
  speed.write = kBytes / Seconds(begin);
  Must(stored.status());
  Cool(directory.path());
  begin = Clock::now();
  const auto blocks = db->Load(*stored, {0, kBlocks}, job->grid);
  speed.read = kBytes / Seconds(begin);
  Must(blocks.status());
  for (uint64_t i = 0; i < kBlocks; ++i) {
    const size_t bytes = kBlockFloats * sizeof(float);
    if (std::memcmp((*blocks)[i].state2.get(), generation.blocks[i].state2.get(), bytes) != 0) {
      Die("what was loaded is not what was written");
    }
  }
  return speed;
}

// --- what is wanted

bool all_as_wanted = true;

void Want(bool holds, const std::string& what) {
  std::printf("%s  %s\n", holds ? "ok   " : "SHORT", what.c_str());
  all_as_wanted = all_as_wanted && holds;
}

void MeasureTraining(int rounds, const fs::path& folder) {
  const std::vector<float> gradient(kFloats, 0.01f);
  std::vector<double> plain_seconds, seconds, writer;
  double stall = 0, ping = 0, checkpoint_ping = 0;
  size_t stored = 0;
  std::printf("\n%lu steps of 384 MiB of state, %lu checkpoints; pings: the longest answer, ms\n",
              kSteps - 1, kCheckpoints);
  std::printf("%-6s %10s %10s %12s %12s %12s %14s\n", "round", "without s", "with s",
              "writer CPU s", "stall ms", "ping", "ping at one");
  for (int round = 1; round <= rounds; ++round) {
    const Training without = Train(folder, gradient, false), with = Train(folder, gradient, true);
    plain_seconds.push_back(without.seconds);
    seconds.push_back(with.seconds);
    writer.push_back(with.writer_seconds);
    stored += with.stalls.size();
    for (const double ms : with.stalls) stall = std::max(stall, ms);
    ping = std::max(ping, with.ping);
    checkpoint_ping = std::max(checkpoint_ping, with.checkpoint_ping);
    std::printf("%-6d %10.2f %10.2f %12.2f %12.3f %12.2f %14.2f\n", round, without.seconds,
                with.seconds, with.writer_seconds,
                *std::max_element(with.stalls.begin(), with.stalls.end()), with.ping,
                with.checkpoint_ping);
    std::fflush(stdout);
  }
  const double cost = Median(seconds) - Median(plain_seconds);
  Want(stored == kCheckpoints * static_cast<size_t>(rounds),
       absl::StrFormat("%d of %d checkpoints are stored", stored, kCheckpoints * rounds));
  Want(stall <= 5, absl::StrFormat("the longest stall: %.3f ms, wanted 5", stall));
  Want(checkpoint_ping <= ping + 5,
       absl::StrFormat("the longest answer in a checkpoint's turn: %.2f ms, in all others %.2f ms, "
                       "wanted at most 5 more",
                       checkpoint_ping, ping));
  std::printf("       with checkpoints: %.2f s longer (%.1f %%); the writer's CPU: %.2f s\n", cost,
              100 * cost / Median(plain_seconds), Median(writer));
}

void MeasureDisk(int rounds, const fs::path& folder) {
  const std::vector<float> floats = RandomFloats(3 * kFloats);
  const Generation generation = StoredState(floats);
  std::vector<double> write, read;
  std::printf("\na generation of 384 MiB against a plain file, MB/s\n");
  std::printf("%-6s %10s %10s %10s %10s\n", "round", "raw write", "write", "raw read", "load");
  for (int round = 1; round <= rounds; ++round) {
    const RawSpeed raw = MeasureRaw(folder, floats);
    const RawSpeed own = MeasureGeneration(folder, generation);
    write.push_back(own.write / raw.write);
    read.push_back(own.read / raw.read);
    std::printf("%-6d %10.0f %10.0f %10.0f %10.0f\n", round, raw.write / 1e6, own.write / 1e6,
                raw.read / 1e6, own.read / 1e6);
    std::fflush(stdout);
  }
  Want(Median(write) >= 0.5,
       absl::StrFormat("writes at %.2f of the disk's speed, wanted 0.5", Median(write)));
  Want(Median(read) >= 0.4,
       absl::StrFormat("loads at %.2f of the disk's speed, wanted 0.4", Median(read)));
}

}  // namespace
}  // namespace paracord

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  const std::filesystem::path folder = argc > 2 ? argv[2] : std::filesystem::temp_directory_path();
  paracord::MeasureDisk(rounds, folder);
  paracord::MeasureTraining(rounds, folder);
  return paracord::all_as_wanted ? 0 : 1;
}
