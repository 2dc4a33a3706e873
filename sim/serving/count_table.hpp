#pragma once
// CountTable: what was evaluated, by a whole number >= 0 such as a count of tokens. Entries come in
// pages made on first use: one large count costs one page and not all that lie below it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace moeplan::sim {

template <class T>
class CountTable {
 public:
  std::optional<T>& at(std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    if (pages_.size() <= i / kPage) {
      pages_.resize(i / kPage + 1);
    }
    std::unique_ptr<Page>& page = pages_[i / kPage];
    if (page == nullptr) {
      page = std::make_unique<Page>();
    }
    return (*page)[i % kPage];
  }

 private:
  static constexpr std::size_t kPage = 16;
  using Page = std::array<std::optional<T>, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace moeplan::sim
