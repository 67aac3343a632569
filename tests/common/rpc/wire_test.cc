#include "common/rpc/wire.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "proto/shard.pb.h"

namespace paracord {
namespace {

pb::PushHeader Header() {
  pb::PushHeader header;
  header.set_job("mnist-mlp-3");
  header.set_shard(2);
  header.set_plan(300);
  header.set_step(123456789);
  header.set_node_end(8);
  header.set_block_begin(17);
  header.set_block_end(19);
  header.set_total_steps(1ull << 60);
  return header;
}

Payload Runs(const std::vector<std::string>& runs) {
  Payload out;
  for (const std::string& run : runs) {
    auto owner = std::make_shared<const std::string>(run);
    out.Append(owner->data(), owner->size(), owner);
  }
  return out;
}

std::string Bytes(const Payload& payload) {
  std::string out;
  for (const Payload::Run& run : payload.runs()) out.append(run.data, run.size);
  return out;
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  buffer.Dump(&slices);
  std::string out;
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

// The bytes as slices that end at `cuts`.
grpc::ByteBuffer Sliced(const std::string& bytes, std::vector<size_t> cuts) {
  std::vector<grpc::Slice> slices;
  size_t at = 0;
  cuts.push_back(bytes.size());
  for (const size_t cut : cuts) {
    slices.emplace_back(bytes.data() + at, cut - at);
    at = cut;
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

const std::string kFloats = "0123456789abcdefghijklmnopqrstuvwxyz--XYZW";

TEST_CASE("a message is the ordinary encoding: protobuf reads what we write") {
  for (const std::vector<std::string>& runs : {std::vector<std::string>{},
                                               {"abcd"},
                                               {"a", "bcdefg", "h"},
                                               {std::string(100'000, 'x'), "tail"}}) {
    const Payload floats = Runs(runs);
    pb::PushRequest request;
    REQUIRE(request.ParseFromString(Bytes(EncodeMessage(Header(), floats))));
    CHECK(request.header().SerializeAsString() == Header().SerializeAsString());
    CHECK(request.floats() == Bytes(floats));
    CHECK(request.SerializeAsString() == Bytes(EncodeMessage(Header(), floats)));
  }
}

TEST_CASE("we read what protobuf writes") {
  for (const std::string& floats : {std::string(), kFloats, std::string(70'000, 'y')}) {
    pb::PushRequest request;
    *request.mutable_header() = Header();
    request.set_floats(floats);
    pb::PushHeader header;
    Payload found;
    REQUIRE(DecodeMessage(Sliced(request.SerializeAsString(), {}), &header, &found).ok());
    CHECK(header.SerializeAsString() == Header().SerializeAsString());
    CHECK(Bytes(found) == floats);
  }
}

TEST_CASE("a message reads the same wherever it is cut into slices, at one byte or at two") {
  const std::string bytes = Bytes(EncodeMessage(Header(), Runs({kFloats})));
  size_t wrong = 0;
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (size_t second = first; second <= bytes.size(); ++second) {
      pb::PushHeader header;
      Payload floats;
      const absl::Status status = DecodeMessage(Sliced(bytes, {first, second}), &header, &floats);
      wrong += !status.ok() || Bytes(floats) != kFloats ||
               header.SerializeAsString() != Header().SerializeAsString();
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("floats are never copied: the slices are the payload's own memory") {
  const Payload floats = Runs({std::string(5000, 'a'), std::string(6000, 'b')});
  const grpc::ByteBuffer buffer = EncodeMessage(Header(), floats);
  std::vector<grpc::Slice> slices;
  REQUIRE(buffer.Dump(&slices).ok());
  REQUIRE(slices.size() == 3);
  CHECK(reinterpret_cast<const char*>(slices[1].begin()) == floats.runs()[0].data);
  CHECK(reinterpret_cast<const char*>(slices[2].begin()) == floats.runs()[1].data);
  pb::PushHeader header;
  Payload found;
  REQUIRE(DecodeMessage(buffer, &header, &found).ok());
  REQUIRE(found.runs().size() == 2);
  CHECK(found.runs()[0].data == floats.runs()[0].data);
}

TEST_CASE("floats that were read outlive the buffer they came in, what was written its payload") {
  Payload floats;
  std::weak_ptr<const void> owner;
  {
    const Payload sent = Runs({kFloats});
    owner = sent.runs()[0].owner;
    const grpc::ByteBuffer buffer = EncodeMessage(Header(), sent);
    pb::PushHeader header;
    REQUIRE(DecodeMessage(buffer, &header, &floats).ok());
  }
  CHECK_FALSE(owner.expired());
  CHECK(Bytes(floats) == kFloats);
  floats = Payload();
  CHECK(owner.expired());
}

TEST_CASE("a message that is cut short is refused, unless it is whole without its floats") {
  const std::string bytes = Bytes(EncodeMessage(Header(), Runs({kFloats})));
  const size_t header_alone = Bytes(EncodeMessage(Header(), Payload())).size();
  for (size_t size = 0; size < bytes.size(); ++size) {
    pb::PushHeader header;
    Payload floats;
    const absl::Status status = DecodeMessage(Sliced(bytes.substr(0, size), {}), &header, &floats);
    INFO("cut at " << size << ": " << status.ToString());
    if (size == header_alone) {
      CHECK(status.ok());
    } else {
      CHECK(absl::IsInvalidArgument(status));
    }
  }
}

TEST_CASE("a length that promises more than there is, or less, is refused") {
  const std::string bytes = Bytes(EncodeMessage(Header(), Runs({kFloats})));
  pb::PushHeader header;
  Payload floats;
  CHECK(absl::IsInvalidArgument(DecodeMessage(Sliced(bytes + "x", {}), &header, &floats)));
  for (const std::string& wrong :
       {std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),          // 2^64 - 1
        std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),  // no varint
        std::string("\x0A\x80\x80\x80\x80\x01"), std::string("\x12\x00", 2), std::string("x")}) {
    CHECK(absl::IsInvalidArgument(DecodeMessage(Sliced(wrong, {}), &header, &floats)));
  }
  CHECK(absl::IsInvalidArgument(DecodeMessage(grpc::ByteBuffer(), &header, &floats)));
}

TEST_CASE("any bytes give a status: what is accepted, protobuf accepts with the same meaning") {
  const std::string good = Bytes(EncodeMessage(Header(), Runs({kFloats})));
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    std::mt19937_64 random(seed);
    std::string bytes = good;
    for (uint64_t edits = 1 + random() % 4; edits > 0 && !bytes.empty(); --edits) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
          break;
        case 2:
          bytes.erase(at, 1 + random() % 5);
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random()));
      }
    }
    std::vector<size_t> cuts = {random() % (bytes.size() + 1), random() % (bytes.size() + 1)};
    std::sort(cuts.begin(), cuts.end());
    pb::PushHeader header;
    Payload floats;
    const absl::Status status = DecodeMessage(Sliced(bytes, cuts), &header, &floats);
    INFO("seed " << seed << ": " << status.ToString());
    if (!status.ok()) {
      CHECK(absl::IsInvalidArgument(status));
      continue;
    }
    pb::PushRequest request;
    REQUIRE(request.ParseFromString(bytes));
    CHECK(request.header().SerializeAsString() == header.SerializeAsString());
    CHECK(request.floats() == Bytes(floats));
  }
}

}  // namespace
}  // namespace paracord
