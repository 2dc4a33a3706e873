#pragma once
// HfKeys: looks fields up in a Hugging Face config.json, whose families name the same thing
// differently. Sub-config first (text_config), then the top level; in each, the synonyms in their
// order; null counts as absent. Remembers which key every field of ours came from, and which keys
// nobody asked for, so that an unknown MoE-looking one is never silently ignored.
// Private to models/architecture.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "models/text/reader.hpp"

namespace moeplan::models {

// Synonyms in the order in which they win.
using HfNames = std::vector<std::string>;

// vLLM's order (ModelConfig.get_num_experts). Never plain `num_local_experts` first: in DeepSpeed
// it means the experts of one rank.
const HfNames& expert_count_names();
// Never plain `top_k`: that is the sampling parameter (Kimi-K3 ships top_k 50).
const HfNames& top_k_names();

class HfKeys {
 public:
  HfKeys(text::Problems& problems, const text::Node& root,
         std::map<std::string, std::string>& origin);

  // Searches this sub-config before the top level; false when it is absent or null.
  bool enter(const std::string& section);

  struct Found {
    std::string key;      // as written
    std::string pointer;  // "/text_config/num_experts"
    const text::Node* node = nullptr;
  };
  // The first synonym that is there and not null; marks it as understood.
  std::optional<Found> find(const HfNames& names);

  // A whole number for `field`. Required: absence is E_MISSING, "looked for: ...", and gives 0.
  // Two synonyms with different values are E_VALUE with both.
  std::int64_t count(const std::string& field, const HfNames& names,
                     const text::Range& range = text::kPositive);
  std::int64_t count_or(const std::string& field, const HfNames& names, std::int64_t fallback,
                        const text::Range& range = text::kNonNegative);
  std::optional<std::int64_t> optional_count(const std::string& field, const HfNames& names,
                                             const text::Range& range = text::kPositive);
  // As optional_count, but a list gives its first element, with a warning when they differ (the
  // others belong to other modalities, as in Ernie-VL).
  std::optional<std::int64_t> optional_first_count(const std::string& field, const HfNames& names,
                                                   const text::Range& range);
  bool flag_or(const std::string& field, const HfNames& names, bool fallback);
  std::string word_or(const std::string& field, const HfNames& names, const std::string& fallback);
  // A list of whole numbers; nullopt when absent.
  std::optional<std::vector<std::int64_t>> counts(const std::string& field, const HfNames& names);
  // A list of words; nullopt when absent.
  std::optional<std::vector<std::string>> words(const std::string& field, const HfNames& names);

  // These keys are known to cost nothing: no warning about them.
  void understood(const HfNames& names);
  // Unread keys with a value that look like mixture-of-experts: "key (value)".
  std::vector<std::string> unread_moe_keys() const;

  // Says in the origin table where a field came from that no single key states.
  void derive(const std::string& field, const std::string& text) { (*origin_)[field] = text; }
  void missing(const std::string& field, const HfNames& names);
  // E_VALUE at the first of the names that is there.
  void conflict(const HfNames& names, const std::string& what, const std::string& expected,
                const std::string& fix = "");
  void overflow(const std::string& what);
  // Once: the same warning of two stacks is one.
  void warn(std::string text);
  const std::vector<std::string>& warnings() const { return warnings_; }
  text::Problems& problems() const { return *problems_; }
  bool ok() const { return problems_->empty(); }

 private:
  struct Section {
    const text::Node* map;
    std::string name;  // "" = top level
  };
  std::optional<Found> look(const HfNames& names) const;
  // read(node, pointer) -> T of one item; items: what they are called in the error.
  template <class T, class Read>
  std::optional<std::vector<T>> list_of(const std::string& field, const HfNames& names,
                                        const std::string& items, Read read);
  std::optional<Found> find_agreeing(const HfNames& names);
  std::optional<std::int64_t> read_count(const std::string& field, const Found& found,
                                         const text::Range& range);
  void note(const std::string& field, const Found& found, const std::string& value);

  text::Problems* problems_;
  std::map<std::string, std::string>* origin_;
  std::vector<Section> sections_;  // in order of search
  std::set<std::string> read_;     // pointers
  std::vector<std::string> warnings_;
};

}  // namespace moeplan::models
