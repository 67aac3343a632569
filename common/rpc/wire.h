// Frames Push and Pull: a protobuf header, then floats as slices over somebody's memory. Nothing of
// the floats is copied, on either side.
//
//   0x0A  varint length  header bytes   field 1, a message
//   0x12  varint length  floats         field 2, bytes: the payload's slices, one after the other
//
// So the bytes are the ordinary encoding of pb::PushRequest, pb::PullReply and so on.
//   [door: gRPC]
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "common/base/payload.h"

namespace paracord {

grpc::ByteBuffer EncodeMessage(const google::protobuf::MessageLite& header, const Payload& floats);

// The floats keep the buffer's slices alive. InvalidArgument: not such a message, or a piece of
// one.
absl::Status DecodeMessage(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* header,
                           Payload* floats);

// A message without floats, as protobuf alone writes it.
grpc::ByteBuffer EncodePlain(const google::protobuf::MessageLite& message);
absl::Status DecodePlain(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message);

}  // namespace paracord
