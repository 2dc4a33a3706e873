#pragma once
// StagedTransport: a transport that knows only the host's memory, made to serve another memory:
// every call copies out what it sends, exchanges, and copies in what came. Slower than any link
// between GPUs; its figures price nothing but themselves.

#include "calibrate/all2all/exchange_memory.hpp"
#include "calibrate/all2all/exchange_transport.hpp"

namespace moeplan::calibrate {

class StagedTransport : public ExchangeTransport {
 public:
  // ranks: of the transport. Both outlive this.
  StagedTransport(ExchangeMemory& memory, ExchangeTransport& host, int ranks)
      : host_(host), ranks_(ranks), out_(memory), in_(memory) {}

  void all2allv(const void* send, const ExchangeParts& out, void* receive,
                const ExchangeParts& in) override;
  void all2all(const void* send, void* receive, int part) override;
  void all_gather(const void* send, void* receive, int part) override;
  void reduce_scatter(const void* send, void* receive, int part) override;
  void all_reduce(const void* send, void* receive, int whole) override;
  void send(const void* from, int size, int to) override;
  void receive(void* to, int size, int from) override;
  void send_receive(const void* send, int to, void* receive, int from, int size) override;

 private:
  // Page-locked memory of the host, as large as the largest exchange yet. Grown by a case's first
  // call, which is warm-up and not a sample.
  class Stage {
   public:
    explicit Stage(ExchangeMemory& memory) : memory_(memory) {}
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    void* room(std::size_t size);
    void* filled(const void* from, std::size_t size);
    void empty(void* to, std::size_t size);

   private:
    ExchangeMemory& memory_;
    void* data_ = nullptr;
    std::size_t size_ = 0;
  };

  ExchangeTransport& host_;
  int ranks_;
  Stage out_;
  Stage in_;
};

}  // namespace moeplan::calibrate
