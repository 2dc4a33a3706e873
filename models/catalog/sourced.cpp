#include "models/catalog/sourced.hpp"

#include <vector>

#include "models/text/input_error.hpp"

namespace moeplan::models {

Sources::Sources(text::Reader& file) {
  text::Reader section = file.section("sources");
  for (const std::string& key : section.keys()) {
    const std::string document = section.string(key);
    if (document.empty()) {
      section.problem(key, "E_VALUE", "a source says nothing", "document, page or URL, date");
    }
    texts_[key] = document;
  }
}

std::string Sources::of(text::Reader& section) const {
  const std::string key = section.string("source");
  const auto found = texts_.find(key);
  if (found != texts_.end()) {
    return found->second;
  }
  if (section.has("source")) {
    std::vector<std::string> keys;
    for (const auto& [name, document] : texts_) {
      keys.push_back(name);
    }
    section.problem("source", "E_VALUE", "this source is not in the file's sources", joined(keys),
                    did_you_mean(key, keys));
  }
  return "";
}

text::Reader Sources::open(text::Reader& reader, const std::string& key,
                           std::map<std::string, std::string>& noted) const {
  text::Reader section = reader.section(key);
  if (reader.has(key)) {
    noted[key] = of(section);
  }
  return section;
}

int Sources::count(text::Reader& reader, const std::string& key,
                   std::map<std::string, std::string>& noted, const text::Range& range) const {
  text::Reader section = open(reader, key, noted);
  const std::int64_t value = section.count("value", range);
  section.finish();
  return static_cast<int>(value);
}

std::string Sources::string(text::Reader& reader, const std::string& key,
                            std::map<std::string, std::string>& noted) const {
  text::Reader section = open(reader, key, noted);
  std::string value = section.string("value");
  section.finish();
  return value;
}

}  // namespace moeplan::models
