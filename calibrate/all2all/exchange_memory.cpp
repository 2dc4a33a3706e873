#include "calibrate/all2all/exchange_memory.hpp"

#include <cstring>
#include <new>

namespace moeplan::calibrate {

void* HostMemory::allocate(std::size_t size) { return ::operator new(size); }

void HostMemory::release(void* address) { ::operator delete(address); }

void HostMemory::clear(void* address, std::size_t size) { std::memset(address, 0, size); }

void HostMemory::copy_in(void* to, const void* host, std::size_t size) {
  if (size > 0) {
    std::memcpy(to, host, size);
  }
}

void HostMemory::copy_out(void* host, const void* from, std::size_t size) {
  if (size > 0) {
    std::memcpy(host, from, size);
  }
}

// Never empty: a library may ask what kind of memory an address is, and there has to be one.
ExchangeBuffer::ExchangeBuffer(ExchangeMemory& memory, std::size_t size)
    : memory_(memory), size_(size), data_(memory.allocate(size == 0 ? 1 : size)) {
  memory_.clear(data_, size_);
}

ExchangeBuffer::~ExchangeBuffer() { memory_.release(data_); }

}  // namespace moeplan::calibrate
