#include "sim/sweep/mpi_link.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sys/prctl.h>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <list>
#include <stdexcept>
#include <vector>

#include "models/text/load.hpp"

namespace moeplan::sim {
namespace {

constexpr int kTag = 7;
constexpr int kDigestBytes = 64;  // of a SHA-256 as text

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) {
    return;
  }
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw std::runtime_error(
      fmt::format("{}: {}", call, std::string(text.data(), static_cast<std::size_t>(length))));
}

std::string own_program() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

// Texts stay where they are until MPI has sent them.
struct MpiLink::Sent {
  struct Message {
    std::string text;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  std::list<Message> messages;
};

MpiLink::MpiLink() : sent_(std::make_unique<Sent>()) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED) {
    throw std::runtime_error("this MPI does not allow threads beside the one that calls it");
  }
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &ranks_), "MPI_Comm_size");
}

MpiLink::~MpiLink() = default;

void MpiLink::send(int to, const std::string& text) {
  forget_sent();
  Sent::Message& message = sent_->messages.emplace_back(Sent::Message{.text = text});
  check(MPI_Isend(message.text.data(), static_cast<int>(message.text.size()), MPI_CHAR, to, kTag,
                  MPI_COMM_WORLD, &message.request),
        "MPI_Isend");
}

void MpiLink::forget_sent() {
  for (auto message = sent_->messages.begin(); message != sent_->messages.end();) {
    int done = 0;
    check(MPI_Test(&message->request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    message = done != 0 ? sent_->messages.erase(message) : std::next(message);
  }
}

std::optional<RankMessage> MpiLink::poll() {
  int there = 0;
  MPI_Status status;
  check(MPI_Iprobe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &there, &status), "MPI_Iprobe");
  if (there == 0) {
    return std::nullopt;
  }
  int size = 0;
  check(MPI_Get_count(&status, MPI_CHAR, &size), "MPI_Get_count");
  RankMessage message{.from = status.MPI_SOURCE,
                      .text = std::string(static_cast<std::size_t>(size), '\0')};
  check(MPI_Recv(message.text.data(), size, MPI_CHAR, message.from, kTag, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE),
        "MPI_Recv");
  return message;
}

void MpiLink::flush() {
  for (Sent::Message& message : sent_->messages) {
    check(MPI_Wait(&message.request, MPI_STATUS_IGNORE), "MPI_Wait");
  }
  sent_->messages.clear();
}

std::optional<int> MpiLink::first_where(bool wrong) {
  int first = wrong ? rank_ : ranks_;
  check(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD), "MPI_Allreduce");
  return first < ranks_ ? std::optional(first) : std::nullopt;
}

int MpiLink::from(int rank, int value) {
  check(MPI_Bcast(&value, 1, MPI_INT, rank, MPI_COMM_WORLD), "MPI_Bcast");
  return value;
}

std::optional<int> MpiLink::first_different(const std::string& text) {
  const std::string own = text::sha256(text + text::sha256(own_program()));
  std::string theirs = own;
  check(MPI_Bcast(theirs.data(), kDigestBytes, MPI_CHAR, 0, MPI_COMM_WORLD), "MPI_Bcast");
  return first_where(theirs != own);
}

void MpiLink::finish() {
  flush();
  check(MPI_Finalize(), "MPI_Finalize");
}

void MpiLink::end_all(int code) {
  MPI_Abort(MPI_COMM_WORLD, code);
  throw std::logic_error("MPI_Abort came back");
}

}  // namespace moeplan::sim
