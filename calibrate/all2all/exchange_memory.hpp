#pragma once
// ExchangeMemory: where the buffers of an exchange lie, on the host or on a GPU, and how bytes get
// there. One half of the seam between what is exchanged and CUDA: tests plant a memory of their
// own.

#include <cstddef>
#include <vector>

namespace moeplan::calibrate {

// Sizes are bytes. Copies are done when a call comes back. Calls throw DeviceError where the device
// fails, std::bad_alloc where the host has no memory left.
class ExchangeMemory {
 public:
  virtual ~ExchangeMemory() = default;
  // An address of this memory, which only its own calls and its transports may follow.
  virtual void* allocate(std::size_t size) = 0;
  virtual void release(void* address) = 0;
  virtual void clear(void* address, std::size_t size) = 0;  // to zeros
  virtual void copy_in(void* to, const void* host, std::size_t size) = 0;
  virtual void copy_out(void* host, const void* from, std::size_t size) = 0;
  // Memory of the host that this one copies from and to at its best (page-locked on GPUs).
  virtual void* allocate_staging(std::size_t size) = 0;
  virtual void release_staging(void* host) = 0;
};

// The host's own.
class HostMemory : public ExchangeMemory {
 public:
  void* allocate(std::size_t size) override;
  void release(void* address) override;
  void clear(void* address, std::size_t size) override;
  void copy_in(void* to, const void* host, std::size_t size) override;
  void copy_out(void* host, const void* from, std::size_t size) override;
  void* allocate_staging(std::size_t size) override { return allocate(size); }
  void release_staging(void* host) override { release(host); }
};

// Owns bytes of a memory, zeros at first. The memory outlives it.
class ExchangeBuffer {
 public:
  ExchangeBuffer(ExchangeMemory& memory, std::size_t size);
  template <class T>
  ExchangeBuffer(ExchangeMemory& memory, const std::vector<T>& values)
      : ExchangeBuffer(memory, values.size() * sizeof(T)) {
    memory_.copy_in(data_, values.data(), size_);
  }
  ~ExchangeBuffer();
  ExchangeBuffer(const ExchangeBuffer&) = delete;
  ExchangeBuffer& operator=(const ExchangeBuffer&) = delete;

  void* data() const { return data_; }
  std::size_t size() const { return size_; }
  // What lies there now, size() / sizeof(T) values.
  template <class T>
  std::vector<T> content() const {
    std::vector<T> out(size_ / sizeof(T));
    memory_.copy_out(out.data(), data_, out.size() * sizeof(T));
    return out;
  }

 private:
  ExchangeMemory& memory_;
  std::size_t size_;
  void* data_;
};

}  // namespace moeplan::calibrate
