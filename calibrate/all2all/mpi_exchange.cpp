#include "calibrate/all2all/mpi_exchange.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>

#include "calibrate/measurement/device_error.hpp"
#include "calibrate/measurement/fingerprint.hpp"

namespace moeplan::calibrate {
namespace {

using Operation = ExchangeCase::Operation;

constexpr std::int64_t kMostBytes = 2147483647;
constexpr double kLargestShare = 0.3;  // of the host's memory, for all its ranks' buffers
constexpr int kTag = 2;

// What a byte between two ranks is, so that a wrong one is seen.
char mark(int source, int destination) {
  return static_cast<char>(1 + (source * 31 + destination * 7) % 120);
}

class Exchange : public RankCase {
 public:
  Exchange(const ExchangeCase& exchange, int rank) : c_(exchange), rank_(rank) {}

 protected:
  const ExchangeCase c_;
  const int rank_;
};

class AllToAllV : public Exchange {
 public:
  AllToAllV(const ExchangeCase& exchange, int rank) : Exchange(exchange, rank) {
    std::int64_t out = 0;
    std::int64_t in = 0;
    for (int other = 0; other < c_.ranks; ++other) {
      send_counts_.push_back(static_cast<int>(c_.matrix.at(rank, other)));
      receive_counts_.push_back(static_cast<int>(c_.matrix.at(other, rank)));
      send_places_.push_back(static_cast<int>(out));
      receive_places_.push_back(static_cast<int>(in));
      out += send_counts_.back();
      in += receive_counts_.back();
      send_.resize(static_cast<std::size_t>(out), mark(rank, other));
    }
    receive_.resize(static_cast<std::size_t>(in));
  }
  void run() override {
    mpi_check(MPI_Alltoallv(send_.data(), send_counts_.data(), send_places_.data(), MPI_CHAR,
                            receive_.data(), receive_counts_.data(), receive_places_.data(),
                            MPI_CHAR, MPI_COMM_WORLD),
              "MPI_Alltoallv");
  }
  void check() override {
    for (int other = 0; other < c_.ranks; ++other) {
      const auto part = receive_.begin() + receive_places_[static_cast<std::size_t>(other)];
      const int count = receive_counts_[static_cast<std::size_t>(other)];
      if (std::count(part, part + count, mark(other, rank_)) != count) {
        throw DeviceError(fmt::format("rank {} received wrong bytes of rank {}", rank_, other));
      }
    }
  }

 private:
  std::vector<int> send_counts_, receive_counts_, send_places_, receive_places_;
  std::vector<char> send_, receive_;
};

class AllToAll : public Exchange {
 public:
  AllToAll(const ExchangeCase& exchange, int rank)
      : Exchange(exchange, rank), part_(static_cast<int>(c_.bytes / c_.ranks)) {
    for (int other = 0; other < c_.ranks; ++other) {
      send_.resize(static_cast<std::size_t>(part_) * static_cast<std::size_t>(other + 1),
                   mark(rank, other));
    }
    receive_.resize(send_.size());
  }
  void run() override {
    mpi_check(MPI_Alltoall(send_.data(), part_, MPI_CHAR, receive_.data(), part_, MPI_CHAR,
                           MPI_COMM_WORLD),
              "MPI_Alltoall");
  }
  void check() override {
    for (int other = 0; other < c_.ranks; ++other) {
      const auto part = receive_.begin() + static_cast<std::ptrdiff_t>(other) * part_;
      if (std::count(part, part + part_, mark(other, rank_)) != part_) {
        throw DeviceError(fmt::format("rank {} received wrong bytes of rank {}", rank_, other));
      }
    }
  }

 private:
  int part_;
  std::vector<char> send_, receive_;
};

// all_gather, reduce_scatter and all_reduce of floats; every rank contributes rank + 1.
class VectorCollective : public Exchange {
 public:
  VectorCollective(const ExchangeCase& exchange, int rank)
      : Exchange(exchange, rank),
        whole_(static_cast<int>(c_.bytes / 4)),
        part_(whole_ / c_.ranks),
        send_(static_cast<std::size_t>(gathers() ? part_ : whole_), static_cast<float>(rank + 1)),
        receive_(static_cast<std::size_t>(scatters() ? part_ : whole_)) {}
  void run() override {
    if (gathers()) {
      mpi_check(MPI_Allgather(send_.data(), part_, MPI_FLOAT, receive_.data(), part_, MPI_FLOAT,
                              MPI_COMM_WORLD),
                "MPI_Allgather");
    } else if (scatters()) {
      mpi_check(MPI_Reduce_scatter_block(send_.data(), receive_.data(), part_, MPI_FLOAT, MPI_SUM,
                                         MPI_COMM_WORLD),
                "MPI_Reduce_scatter_block");
    } else {
      mpi_check(
          MPI_Allreduce(send_.data(), receive_.data(), whole_, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
          "MPI_Allreduce");
    }
  }
  void check() override {
    const float sum = static_cast<float>(c_.ranks * (c_.ranks + 1) / 2);  // 1 + 2 + .. + ranks
    for (std::size_t i = 0; i < receive_.size(); ++i) {
      const float expected =
          gathers() ? static_cast<float>(i / static_cast<std::size_t>(part_) + 1) : sum;
      if (receive_[i] != expected) {
        throw DeviceError(
            fmt::format("rank {} received {} in place of {}", rank_, receive_[i], expected));
      }
    }
  }

 private:
  bool gathers() const { return c_.operation == Operation::all_gather; }
  bool scatters() const { return c_.operation == Operation::reduce_scatter; }
  int whole_;
  int part_;
  std::vector<float> send_, receive_;
};

class PingPong : public Exchange {
 public:
  PingPong(const ExchangeCase& exchange, int rank)
      : Exchange(exchange, rank),
        send_(static_cast<std::size_t>(c_.bytes), mark(rank, 0)),
        receive_(send_.size()) {}
  void run() override {
    if (rank_ == 0) {
      send(c_.peer);
      receive(c_.peer);
    } else if (rank_ == c_.peer) {
      receive(0);
      send(0);
    }
  }
  void check() override {
    const int other = rank_ == 0 ? c_.peer : 0;
    if ((rank_ == 0 || rank_ == c_.peer) &&
        std::count(receive_.begin(), receive_.end(), mark(other, 0)) != c_.bytes) {
      throw DeviceError(fmt::format("rank {} received wrong bytes of rank {}", rank_, other));
    }
  }
  bool takes_part() const override { return rank_ == 0; }
  double share() const override { return 0.5; }

 private:
  void send(int to) {
    mpi_check(
        MPI_Send(send_.data(), static_cast<int>(c_.bytes), MPI_CHAR, to, kTag, MPI_COMM_WORLD),
        "MPI_Send");
  }
  void receive(int from) {
    mpi_check(MPI_Recv(receive_.data(), static_cast<int>(c_.bytes), MPI_CHAR, from, kTag,
                       MPI_COMM_WORLD, MPI_STATUS_IGNORE),
              "MPI_Recv");
  }
  std::vector<char> send_, receive_;
};

class SendReceive : public Exchange {
 public:
  SendReceive(const ExchangeCase& exchange, int rank)
      : Exchange(exchange, rank),
        to_((rank + 1) % c_.ranks),
        from_((rank + c_.ranks - 1) % c_.ranks),
        send_(static_cast<std::size_t>(c_.bytes), mark(rank, to_)),
        receive_(send_.size()) {}
  void run() override {
    mpi_check(MPI_Sendrecv(send_.data(), static_cast<int>(c_.bytes), MPI_CHAR, to_, kTag,
                           receive_.data(), static_cast<int>(c_.bytes), MPI_CHAR, from_, kTag,
                           MPI_COMM_WORLD, MPI_STATUS_IGNORE),
              "MPI_Sendrecv");
  }
  void check() override {
    if (std::count(receive_.begin(), receive_.end(), mark(from_, rank_)) != c_.bytes) {
      throw DeviceError(fmt::format("rank {} received wrong bytes of rank {}", rank_, from_));
    }
  }

 private:
  int to_;
  int from_;
  std::vector<char> send_, receive_;
};

}  // namespace

MadeRankCase make_exchange(const ExchangeCase& exchange, int rank) {
  const std::int64_t largest = exchange.largest_buffer();
  if (largest > kMostBytes) {
    return Skipped{fmt::format("{} bytes on a rank are beyond MPI's counts", largest)};
  }
  const double all = 2.0 * static_cast<double>(largest) * exchange.ranks;
  if (all > kLargestShare * memory_bytes()) {
    return Skipped{fmt::format("needs {:.1f} GB of {:.1f} GB", all * 1e-9, memory_bytes() * 1e-9)};
  }
  switch (exchange.operation) {
    case Operation::all2allv:
      return std::make_unique<AllToAllV>(exchange, rank);
    case Operation::all2all:
      return std::make_unique<AllToAll>(exchange, rank);
    case Operation::ping_pong:
      return std::make_unique<PingPong>(exchange, rank);
    case Operation::sendrecv:
      return std::make_unique<SendReceive>(exchange, rank);
    default:
      return std::make_unique<VectorCollective>(exchange, rank);
  }
}

void touch_every_pair(int rank, int ranks) {
  for (const int size : {1, 8 * 1024, 256 * 1024}) {
    std::vector<char> out(static_cast<std::size_t>(size));
    std::vector<char> in(out.size());
    for (int distance = 1; distance < ranks; ++distance) {
      mpi_check(MPI_Sendrecv(out.data(), size, MPI_CHAR, (rank + distance) % ranks, kTag, in.data(),
                             size, MPI_CHAR, (rank + ranks - distance) % ranks, kTag,
                             MPI_COMM_WORLD, MPI_STATUS_IGNORE),
                "MPI_Sendrecv");
    }
  }
}

}  // namespace moeplan::calibrate
