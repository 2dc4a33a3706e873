#pragma once
// InputCache: what scenarios of one sweep read from the same files, read once: architectures, cost
// laws, price books, traces, routing models. For as long as the files are to be taken as unchanged.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <typeinfo>

namespace moeplan::sim {

class InputCache {
 public:
  InputCache() = default;
  InputCache(const InputCache&) = delete;
  InputCache& operator=(const InputCache&) = delete;

  // What make() gave for this key, made by the first that asks; others that ask meanwhile wait.
  // key: everything that the value depends on. What make() throws is kept by nobody: the next that
  // asks makes it again. Safe from any thread.
  template <class T, class Make>
  std::shared_ptr<const T> get(const std::string& key, Make make) {
    Slot& slot = slot_of(std::string(typeid(T).name()) + " " + key);
    const std::lock_guard lock(slot.mutex);
    if (!slot.value) {
      slot.value = std::make_shared<const T>(make());
    }
    return std::static_pointer_cast<const T>(slot.value);
  }

 private:
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<const void> value;
  };
  Slot& slot_of(const std::string& key) {
    const std::lock_guard lock(mutex_);
    return slots_[key];  // a map's values stay where they are
  }

  std::mutex mutex_;
  std::map<std::string, Slot> slots_;
};

}  // namespace moeplan::sim
