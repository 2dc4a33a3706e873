#include "calibrate/all2all/timed_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/measurement/device_error.hpp"

namespace moeplan::calibrate {
namespace {

using Operation = ExchangeCase::Operation;

constexpr std::int64_t kMostBytes = 2147483647;
constexpr double kLargestShare = 0.3;  // of the capacity, for both buffers of a rank

std::size_t place(int i) { return static_cast<std::size_t>(i); }

// What a byte between two ranks is, so that a wrong one is seen. Never zero, as buffers begin.
char mark(int source, int destination) {
  return static_cast<char>(1 + (source * 31 + destination * 7) % 120);
}

class Exchange : public RankCase {
 public:
  Exchange(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends)
      : c_(exchange), rank_(rank), memory_(ends.memory), transport_(ends.transport) {}

 protected:
  void expect(const std::vector<char>& arrived, int from, int count, int other, char wanted) const {
    const auto part = arrived.begin() + from;
    if (std::count(part, part + count, wanted) != count) {
      throw DeviceError(fmt::format("rank {} received wrong bytes of rank {}", rank_, other));
    }
  }

  const ExchangeCase c_;
  const int rank_;
  ExchangeMemory& memory_;
  ExchangeTransport& transport_;
};

class AllToAllV : public Exchange {
 public:
  AllToAllV(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends)
      : Exchange(exchange, rank, ends),
        out_(parts(true)),
        in_(parts(false)),
        send_(memory_, marked()),
        receive_(memory_, in_.total()) {}
  void run() override { transport_.all2allv(send_.data(), out_, receive_.data(), in_); }
  void check() override {
    const std::vector<char> arrived = receive_.content<char>();
    for (int other = 0; other < c_.ranks; ++other) {
      expect(arrived, in_.places[place(other)], in_.counts[place(other)], other,
             mark(other, rank_));
    }
  }

 private:
  ExchangeParts parts(bool out) const {
    ExchangeParts all;
    for (int other = 0; other < c_.ranks; ++other) {
      all.add(static_cast<int>(out ? c_.matrix.at(rank_, other) : c_.matrix.at(other, rank_)));
    }
    return all;
  }
  std::vector<char> marked() const {
    std::vector<char> bytes;
    for (int other = 0; other < c_.ranks; ++other) {
      bytes.resize(bytes.size() + place(out_.counts[place(other)]), mark(rank_, other));
    }
    return bytes;
  }
  const ExchangeParts out_, in_;
  ExchangeBuffer send_, receive_;
};

class AllToAll : public Exchange {
 public:
  AllToAll(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends)
      : Exchange(exchange, rank, ends),
        part_(static_cast<int>(c_.bytes / c_.ranks)),
        send_(memory_, marked()),
        receive_(memory_, send_.size()) {}
  void run() override { transport_.all2all(send_.data(), receive_.data(), part_); }
  void check() override {
    const std::vector<char> arrived = receive_.content<char>();
    for (int other = 0; other < c_.ranks; ++other) {
      expect(arrived, other * part_, part_, other, mark(other, rank_));
    }
  }

 private:
  std::vector<char> marked() const {
    std::vector<char> bytes;
    for (int other = 0; other < c_.ranks; ++other) {
      bytes.resize(bytes.size() + place(part_), mark(rank_, other));
    }
    return bytes;
  }
  const int part_;
  ExchangeBuffer send_, receive_;
};

// all_gather, reduce_scatter and all_reduce of floats; every rank contributes rank + 1.
class VectorCollective : public Exchange {
 public:
  VectorCollective(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends)
      : Exchange(exchange, rank, ends),
        whole_(static_cast<int>(c_.bytes / 4)),
        part_(whole_ / c_.ranks),
        send_(memory_,
              std::vector<float>(place(gathers() ? part_ : whole_), static_cast<float>(rank + 1))),
        receive_(memory_, place(gathers()    ? part_ * c_.ranks
                                : scatters() ? part_
                                             : whole_) *
                              sizeof(float)) {}
  void run() override {
    if (gathers()) {
      transport_.all_gather(send_.data(), receive_.data(), part_);
    } else if (scatters()) {
      transport_.reduce_scatter(send_.data(), receive_.data(), part_);
    } else {
      transport_.all_reduce(send_.data(), receive_.data(), whole_);
    }
  }
  void check() override {
    const int all = c_.ranks * (c_.ranks + 1) / 2;  // 1 + 2 + .. + ranks
    const std::vector<float> arrived = receive_.content<float>();
    for (std::size_t i = 0; i < arrived.size(); ++i) {
      const int wanted = gathers() ? static_cast<int>(i) / part_ + 1 : all;
      const auto expected = static_cast<float>(wanted);
      if (arrived[i] != expected) {
        throw DeviceError(
            fmt::format("rank {} received {} in place of {}", rank_, arrived[i], expected));
      }
    }
  }

 private:
  bool gathers() const { return c_.operation == Operation::all_gather; }
  bool scatters() const { return c_.operation == Operation::reduce_scatter; }
  const int whole_;
  const int part_;
  ExchangeBuffer send_, receive_;
};

class PingPong : public Exchange {
 public:
  PingPong(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends)
      : Exchange(exchange, rank, ends),
        size_(static_cast<int>(c_.bytes)),
        send_(memory_, std::vector<char>(place(size_), mark(rank, 0))),
        receive_(memory_, place(size_)) {}
  void run() override {
    if (rank_ == 0 || rank_ == c_.peer) {
      transport_.ping_pong(rank_ == 0, other(), send_.data(), receive_.data(), size_);
    }
  }
  void check() override {
    if (rank_ == 0 || rank_ == c_.peer) {
      expect(receive_.content<char>(), 0, size_, other(), mark(other(), 0));
    }
  }
  bool takes_part() const override { return rank_ == 0; }
  double share() const override { return 0.5; }

 private:
  int other() const { return rank_ == 0 ? c_.peer : 0; }
  const int size_;
  ExchangeBuffer send_, receive_;
};

class SendReceive : public Exchange {
 public:
  SendReceive(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends)
      : Exchange(exchange, rank, ends),
        to_((rank + 1) % c_.ranks),
        from_((rank + c_.ranks - 1) % c_.ranks),
        size_(static_cast<int>(c_.bytes)),
        send_(memory_, std::vector<char>(place(size_), mark(rank, to_))),
        receive_(memory_, place(size_)) {}
  void run() override { transport_.send_receive(send_.data(), to_, receive_.data(), from_, size_); }
  void check() override { expect(receive_.content<char>(), 0, size_, from_, mark(from_, rank_)); }

 private:
  const int to_;
  const int from_;
  const int size_;
  ExchangeBuffer send_, receive_;
};

}  // namespace

MadeRankCase make_exchange(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends) {
  const std::int64_t largest = exchange.largest_buffer();
  if (largest > kMostBytes) {
    return Skipped{fmt::format("{} bytes on a rank are beyond MPI's counts", largest)};
  }
  const double both = 2.0 * static_cast<double>(largest);
  if (both > kLargestShare * ends.capacity) {
    return Skipped{fmt::format("needs {:.1f} GB of {:.1f} GB", both * 1e-9, ends.capacity * 1e-9)};
  }
  switch (exchange.operation) {
    case Operation::all2allv:
      return std::make_unique<AllToAllV>(exchange, rank, ends);
    case Operation::all2all:
      return std::make_unique<AllToAll>(exchange, rank, ends);
    case Operation::ping_pong:
      return std::make_unique<PingPong>(exchange, rank, ends);
    case Operation::sendrecv:
      return std::make_unique<SendReceive>(exchange, rank, ends);
    default:
      return std::make_unique<VectorCollective>(exchange, rank, ends);
  }
}

void touch_every_pair(int rank, int ranks, const ExchangeEnds& ends) {
  for (const int size : {1, 8 * 1024, 256 * 1024}) {
    const ExchangeBuffer out(ends.memory, place(size));
    const ExchangeBuffer in(ends.memory, place(size));
    for (int distance = 1; distance < ranks; ++distance) {
      ends.transport.send_receive(out.data(), (rank + distance) % ranks, in.data(),
                                  (rank + ranks - distance) % ranks, size);
    }
  }
}

}  // namespace moeplan::calibrate
