#include "calibrate/all2all/staged_transport.hpp"

namespace moeplan::calibrate {
namespace {

std::size_t bytes_of(int count) { return static_cast<std::size_t>(count); }

std::size_t floats(int count) { return sizeof(float) * static_cast<std::size_t>(count); }

}  // namespace

StagedTransport::Stage::~Stage() {
  if (data_ != nullptr) {
    memory_.release_staging(data_);
  }
}

void* StagedTransport::Stage::room(std::size_t size) {
  if (data_ == nullptr || size > size_) {
    if (data_ != nullptr) {
      memory_.release_staging(data_);
      data_ = nullptr;
    }
    data_ = memory_.allocate_staging(size == 0 ? 1 : size);
    size_ = size;
  }
  return data_;
}

void* StagedTransport::Stage::filled(const void* from, std::size_t size) {
  void* host = room(size);
  memory_.copy_out(host, from, size);
  return host;
}

void StagedTransport::Stage::empty(void* to, std::size_t size) { memory_.copy_in(to, data_, size); }

void StagedTransport::all2allv(const void* send, const ExchangeParts& out, void* receive,
                               const ExchangeParts& in) {
  host_.all2allv(out_.filled(send, out.total()), out, in_.room(in.total()), in);
  in_.empty(receive, in.total());
}

void StagedTransport::all2all(const void* send, void* receive, int part) {
  const std::size_t all = bytes_of(part) * bytes_of(ranks_);
  host_.all2all(out_.filled(send, all), in_.room(all), part);
  in_.empty(receive, all);
}

void StagedTransport::all_gather(const void* send, void* receive, int part) {
  const std::size_t all = floats(part) * bytes_of(ranks_);
  host_.all_gather(out_.filled(send, floats(part)), in_.room(all), part);
  in_.empty(receive, all);
}

void StagedTransport::reduce_scatter(const void* send, void* receive, int part) {
  const std::size_t all = floats(part) * bytes_of(ranks_);
  host_.reduce_scatter(out_.filled(send, all), in_.room(floats(part)), part);
  in_.empty(receive, floats(part));
}

void StagedTransport::all_reduce(const void* send, void* receive, int whole) {
  host_.all_reduce(out_.filled(send, floats(whole)), in_.room(floats(whole)), whole);
  in_.empty(receive, floats(whole));
}

void StagedTransport::send(const void* from, int size, int to) {
  host_.send(out_.filled(from, bytes_of(size)), size, to);
}

void StagedTransport::receive(void* to, int size, int from) {
  host_.receive(in_.room(bytes_of(size)), size, from);
  in_.empty(to, bytes_of(size));
}

void StagedTransport::send_receive(const void* send, int to, void* receive, int from, int size) {
  host_.send_receive(out_.filled(send, bytes_of(size)), to, in_.room(bytes_of(size)), from, size);
  in_.empty(receive, bytes_of(size));
}

}  // namespace moeplan::calibrate
