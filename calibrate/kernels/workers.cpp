#include "calibrate/kernels/workers.hpp"

namespace moeplan::calibrate {

Workers::Workers(int threads) {
  for (int thread = 1; thread < threads; ++thread) {
    others_.emplace_back([this, thread] { wait_for_work(thread); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  for (std::thread& other : others_) {
    other.join();
  }
}

void Workers::run(std::int64_t count, const std::function<void(std::int64_t, int)>& body) {
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    next_ = 0;
    busy_ = static_cast<int>(others_.size());
    ++round_;
  }
  wake_.notify_all();
  work(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
}

void Workers::work(int thread) {
  for (std::int64_t i = next_++; i < count_; i = next_++) {
    (*body_)(i, thread);
  }
}

void Workers::wait_for_work(int thread) {
  std::uint64_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return ends_ || round_ != seen; });
      if (ends_) {
        return;
      }
      seen = round_;
    }
    work(thread);
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) {
      done_.notify_one();
    }
  }
}

}  // namespace moeplan::calibrate
