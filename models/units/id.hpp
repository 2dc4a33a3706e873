#pragma once
// Id<Tag>: an index that cannot be mixed up with another kind of index.

#include <compare>
#include <cstdint>

namespace moeplan {

template <class Tag>
class Id {
 public:
  constexpr explicit Id(std::int32_t index) : index_(index) {}
  constexpr std::int32_t index() const { return index_; }
  friend constexpr auto operator<=>(const Id&, const Id&) = default;

 private:
  std::int32_t index_;
};

using ExpertId = Id<struct ExpertTag>;
using LayerId = Id<struct LayerTag>;
using DeviceId = Id<struct DeviceTag>;
using ReplicaId = Id<struct ReplicaTag>;
using RequestId = Id<struct RequestTag>;

}  // namespace moeplan
