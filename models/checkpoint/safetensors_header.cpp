#include "models/checkpoint/safetensors_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "models/text/json.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

constexpr std::size_t kLengthBytes = 8;

class Parser {
 public:
  Parser(std::span<const std::byte> file, const std::string& name) : file_(file), name_(name) {}

  SafetensorsHeader parse() {
    const std::size_t length = header_length();
    data_ = kLengthBytes + length;
    const std::string text(reinterpret_cast<const char*>(file_.data()) + kLengthBytes, length);
    if (text.empty() || text.front() != '{') {
      fail("E_SYNTAX", fmt::format("the header at byte {} is no JSON object", kLengthBytes),
           text.empty() ? "nothing"
                        : fmt::format("byte 0x{:02x}", static_cast<unsigned char>(text.front())),
           "'{'");
    }
    const text::Document document = text::parse_json(text, name_ + " (header)");
    SafetensorsHeader header;
    for (const text::Node::Entry& entry : document.root.entries) {
      if (entry.key == "__metadata__") {
        read_metadata(entry.value, header);
      } else {
        header.tensors.emplace(entry.key, tensor(entry.key, entry.value));
      }
    }
    check_layout(header);
    return header;
  }

 private:
  [[noreturn]] void fail(const char* code, std::string what, std::string got = "",
                         std::string expected = "", std::string fix = "") const {
    throw InputError(Problem{.code = code,
                             .file = name_,
                             .what = std::move(what),
                             .got = std::move(got),
                             .expected = std::move(expected),
                             .fix = std::move(fix)});
  }

  std::size_t header_length() const {
    if (file_.size() < kLengthBytes) {
      fail("E_SYNTAX", "the file is too short for a safetensors header",
           fmt::format("{} bytes", file_.size()), "at least 8", "is the download complete?");
    }
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      length |= std::to_integer<std::uint64_t>(file_[i]) << (8 * i);
    }
    if (length > kMaxHeaderBytes) {
      fail("E_LIMIT", "the header's length at byte 0", fmt::format("{} bytes", length),
           fmt::format("at most {}", kMaxHeaderBytes), "is this a safetensors file?");
    }
    if (length > file_.size() - kLengthBytes) {
      fail("E_SYNTAX", "the header is longer than the file",
           fmt::format("{} bytes at byte 8 of {}", length, file_.size()), "",
           "is the download complete?");
    }
    return static_cast<std::size_t>(length);
  }

  void read_metadata(const text::Node& node, SafetensorsHeader& header) const {
    for (const text::Node::Entry& entry : node.entries) {
      if (entry.value.kind != text::Kind::string) {
        fail("E_TYPE", fmt::format("__metadata__ '{}'", entry.key),
             text::kind_name(entry.value.kind), "a string");
      }
      header.metadata.emplace(entry.key, entry.value.scalar);
    }
    if (node.kind != text::Kind::map) {
      fail("E_TYPE", "__metadata__", text::kind_name(node.kind), "an object of strings");
    }
  }

  // A whole number >= 0 that fits into 63 bits.
  std::int64_t whole(const text::Node& node, const std::string& tensor, const char* key) const {
    text::Problems problems(name_);
    const auto value = text::as_count(problems, node, "/" + tensor + "/" + key);
    problems.throw_if_any();
    return value.value_or(0);
  }

  const text::Node& entry(const text::Node& map, const std::string& tensor, const char* key,
                          text::Kind kind) const {
    const text::Node* node = map.kind == text::Kind::map ? map.find(key) : nullptr;
    if (node == nullptr || node->kind != kind) {
      fail(node == nullptr ? "E_MISSING" : "E_TYPE",
           fmt::format("tensor '{}' has no {} '{}'", tensor, text::kind_name(kind), key));
    }
    return *node;
  }

  TensorInfo tensor(const std::string& name, const text::Node& node) const {
    TensorInfo info;
    const std::string& dtype = entry(node, name, "dtype", text::Kind::string).scalar;
    const auto known = dtype_from(dtype);
    if (!known) {
      fail("E_VALUE", fmt::format("tensor '{}' has an unknown dtype", name), dtype, dtype_names());
    }
    info.dtype = *known;
    std::uint64_t bytes = bytes_of(*known);
    for (const text::Node& side : entry(node, name, "shape", text::Kind::sequence).items) {
      info.shape.push_back(whole(side, name, "shape"));
      const auto factor = static_cast<std::uint64_t>(info.shape.back());
      if (factor != 0 && bytes > std::numeric_limits<std::int64_t>::max() / factor) {
        fail("E_OVERFLOW", fmt::format("the bytes of tensor '{}'", name), info.shape_text(),
             "a product below 2^63");
      }
      bytes *= factor;
    }
    const auto& offsets = entry(node, name, "data_offsets", text::Kind::sequence).items;
    if (offsets.size() != 2) {
      fail("E_TYPE", fmt::format("data_offsets of tensor '{}'", name),
           fmt::format("{} numbers", offsets.size()), "begin and end");
    }
    const auto begin = static_cast<std::uint64_t>(whole(offsets[0], name, "data_offsets"));
    const auto end = static_cast<std::uint64_t>(whole(offsets[1], name, "data_offsets"));
    const std::string span = fmt::format("data_offsets [{}, {}]", begin, end);
    if (begin > end) {
      fail("E_VALUE", fmt::format("tensor '{}' ends before it begins", name), span);
    }
    if (end > file_.size() - data_) {
      fail("E_VALUE", fmt::format("tensor '{}' runs beyond the end of the file", name),
           fmt::format("{} of {} bytes of data", span, file_.size() - data_), "",
           "is the download complete?");
    }
    if (end - begin != bytes) {
      fail("E_VALUE", fmt::format("tensor '{}': its shape does not fill its bytes", name), span,
           fmt::format("{} bytes for {} of {}", bytes, info.shape_text(), dtype));
    }
    info.begin = data_ + begin;
    info.end = data_ + end;
    return info;
  }

  // Sorted by offset, tensors follow each other without overlap or hole, to the end of the file.
  void check_layout(const SafetensorsHeader& header) const {
    std::vector<const std::pair<const std::string, TensorInfo>*> order;
    for (const auto& item : header.tensors) {
      order.push_back(&item);
    }
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
    });
    std::size_t at = data_;
    const std::string* last = nullptr;
    for (const auto* item : order) {
      if (item->second.begin != at) {
        fail("E_VALUE",
             fmt::format("tensor '{}' {} at byte {}", item->first,
                         item->second.begin < at ? "overlaps another one" : "comes after a hole",
                         item->second.begin - data_),
             last == nullptr ? "it is the first" : fmt::format("behind '{}'", *last),
             fmt::format("byte {}", at - data_));
      }
      at = item->second.end;
      last = &item->first;
    }
    if (at != file_.size()) {
      fail("E_VALUE", "bytes behind the last tensor belong to none",
           fmt::format("{} bytes", file_.size() - at), "none");
    }
  }

  std::span<const std::byte> file_;
  const std::string& name_;
  std::size_t data_ = 0;  // where data begins in the file
};

}  // namespace

std::int64_t TensorInfo::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t side : shape) {
    product *= side;
  }
  return product;
}

std::string TensorInfo::shape_text() const {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::string& name) {
  return Parser(file, name).parse();
}

std::string write_safetensors_header(std::vector<std::pair<std::string, TensorInfo>>& tensors,
                                     const std::map<std::string, std::string>& metadata) {
  text::Json json = text::Json::object();
  if (!metadata.empty()) {
    text::Json strings = text::Json::object();
    for (const auto& [key, value] : metadata) {
      strings.set(key, value);
    }
    json.set("__metadata__", std::move(strings));
  }
  std::size_t at = 0;
  for (auto& [name, info] : tensors) {
    const std::size_t bytes = static_cast<std::size_t>(info.elements()) * bytes_of(info.dtype);
    json.set(name, text::Json::object()
                       .set("dtype", std::string(name_of(info.dtype)))
                       .set("shape", text::Json(info.shape))
                       .set("data_offsets", text::Json::array().push(at).push(at + bytes)));
    info.begin = at;
    info.end = at + bytes;
    at += bytes;
  }
  std::string text = json.line();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string header(kLengthBytes, '\0');
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    header[i] = static_cast<char>(text.size() >> (8 * i));
  }
  header += text;
  for (auto& [name, info] : tensors) {
    info.begin += header.size();
    info.end += header.size();
  }
  return header;
}

}  // namespace moeplan::models
