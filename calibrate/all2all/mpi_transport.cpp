#include "calibrate/all2all/mpi_transport.hpp"

#include <mpi.h>

#include "calibrate/all2all/mpi_session.hpp"

namespace moeplan::calibrate {
namespace {

constexpr int kExchangeTag = 2;

}  // namespace

void MpiTransport::all2allv(const void* send, const ExchangeParts& out, void* receive,
                            const ExchangeParts& in) {
  mpi_check(MPI_Alltoallv(send, out.counts.data(), out.places.data(), MPI_CHAR, receive,
                          in.counts.data(), in.places.data(), MPI_CHAR, MPI_COMM_WORLD),
            "MPI_Alltoallv");
}

void MpiTransport::all2all(const void* send, void* receive, int part) {
  mpi_check(MPI_Alltoall(send, part, MPI_CHAR, receive, part, MPI_CHAR, MPI_COMM_WORLD),
            "MPI_Alltoall");
}

void MpiTransport::all_gather(const void* send, void* receive, int part) {
  mpi_check(MPI_Allgather(send, part, MPI_FLOAT, receive, part, MPI_FLOAT, MPI_COMM_WORLD),
            "MPI_Allgather");
}

void MpiTransport::reduce_scatter(const void* send, void* receive, int part) {
  mpi_check(MPI_Reduce_scatter_block(send, receive, part, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
            "MPI_Reduce_scatter_block");
}

void MpiTransport::all_reduce(const void* send, void* receive, int whole) {
  mpi_check(MPI_Allreduce(send, receive, whole, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD),
            "MPI_Allreduce");
}

void MpiTransport::send(const void* from, int size, int to) {
  mpi_check(MPI_Send(from, size, MPI_CHAR, to, kExchangeTag, MPI_COMM_WORLD), "MPI_Send");
}

void MpiTransport::receive(void* to, int size, int from) {
  mpi_check(MPI_Recv(to, size, MPI_CHAR, from, kExchangeTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
            "MPI_Recv");
}

void MpiTransport::send_receive(const void* send, int to, void* receive, int from, int size) {
  mpi_check(MPI_Sendrecv(send, size, MPI_CHAR, to, kExchangeTag, receive, size, MPI_CHAR, from,
                         kExchangeTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
            "MPI_Sendrecv");
}

}  // namespace moeplan::calibrate
