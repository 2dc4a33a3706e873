#pragma once
// Sourced values of a data file: every number stands beside the key of the document it came from,
//   sources: {datasheet: "NVIDIA ..., page 2, 2021-06"}
//   bandwidth: {value: 600 GB/s, source: datasheet}
// A value without a source, or with one that the file does not list, is a problem of the file.
// Internal to models/catalog.

#include <map>
#include <string>

#include "models/text/reader.hpp"

namespace moeplan::models {

class Sources {
 public:
  // Reads the map `sources` of the file: key -> document, page or URL, date; not empty.
  explicit Sources(text::Reader& file);

  // The document behind the key `source` of a section; a problem and "" when there is none.
  std::string of(text::Reader& section) const;

  // The section `key`: {value, source}; notes the source under the key's name.
  template <Dim D>
  Quantity<D> quantity(text::Reader& reader, const std::string& key,
                       std::map<std::string, std::string>& noted) const {
    text::Reader section = open(reader, key, noted);
    const Quantity<D> value = section.quantity<D>("value");
    section.finish();
    return value;
  }
  int count(text::Reader& reader, const std::string& key, std::map<std::string, std::string>& noted,
            const text::Range& range) const;
  std::string string(text::Reader& reader, const std::string& key,
                     std::map<std::string, std::string>& noted) const;

 private:
  text::Reader open(text::Reader& reader, const std::string& key,
                    std::map<std::string, std::string>& noted) const;
  std::map<std::string, std::string> texts_;
};

}  // namespace moeplan::models
