#include "calibrate/all2all/nccl_transport.hpp"

namespace moeplan::calibrate {
namespace {

std::size_t whole(int count) { return static_cast<std::size_t>(count); }

}  // namespace

// Pairs that exchange nothing are left out, on both sides alike.
void NcclTransport::all2allv(const void* send, const ExchangeParts& out, void* receive,
                             const ExchangeParts& in) {
  nccl_.start_group();
  for (int other = 0; other < ranks_; ++other) {
    const std::size_t at = whole(other);
    if (out.counts[at] > 0) {
      nccl_.send(static_cast<const char*>(send) + out.places[at], whole(out.counts[at]), other);
    }
    if (in.counts[at] > 0) {
      nccl_.receive(static_cast<char*>(receive) + in.places[at], whole(in.counts[at]), other);
    }
  }
  nccl_.end_group();
  nccl_.wait();
}

void NcclTransport::all2all(const void* send, void* receive, int part) {
  ExchangeParts parts;
  for (int other = 0; other < ranks_; ++other) {
    parts.add(part);
  }
  all2allv(send, parts, receive, parts);
}

void NcclTransport::all_gather(const void* send, void* receive, int part) {
  nccl_.all_gather(send, receive, whole(part));
  nccl_.wait();
}

void NcclTransport::reduce_scatter(const void* send, void* receive, int part) {
  nccl_.reduce_scatter(send, receive, whole(part));
  nccl_.wait();
}

void NcclTransport::all_reduce(const void* send, void* receive, int count) {
  nccl_.all_reduce(send, receive, whole(count));
  nccl_.wait();
}

void NcclTransport::send(const void* from, int size, int to) {
  nccl_.send(from, whole(size), to);
  nccl_.wait();
}

void NcclTransport::receive(void* to, int size, int from) {
  nccl_.receive(to, whole(size), from);
  nccl_.wait();
}

void NcclTransport::ping_pong(bool leads, int peer, const void* send, void* receive, int size) {
  if (leads) {
    nccl_.send(send, whole(size), peer);
    nccl_.receive(receive, whole(size), peer);
  } else {
    nccl_.receive(receive, whole(size), peer);
    nccl_.send(send, whole(size), peer);
  }
  nccl_.wait();
}

void NcclTransport::send_receive(const void* send, int to, void* receive, int from, int size) {
  nccl_.start_group();
  nccl_.send(send, whole(size), to);
  nccl_.receive(receive, whole(size), from);
  nccl_.end_group();
  nccl_.wait();
}

}  // namespace moeplan::calibrate
