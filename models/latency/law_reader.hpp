#pragma once
// Private to models/latency: what the constructors of the laws share.

#include <initializer_list>
#include <string_view>

#include "models/latency/profile.hpp"

namespace moeplan::models {

// Throws: InputError E_VALUE naming the forms the law knows.
void require_form(const FittedLaw& law, std::initializer_list<std::string_view> known);

// Throws: InputError E_RANGE unless the constant is a whole number from low to high.
void require_whole(const FittedLaw& law, std::string_view constant, int low, int high);

// The fitted range of an axis; everything when the law states none (data-sheet laws).
Interval axis(const LawInfo& info, std::string_view name);
// The same with the lower end opened: a load that shrinks runs into the floor, not out of range.
Interval upper_axis(const LawInfo& info, std::string_view name);

}  // namespace moeplan::models
