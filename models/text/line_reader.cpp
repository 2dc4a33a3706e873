#include "models/text/line_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/encoding.hpp"
#include "models/text/input_error.hpp"
#include "models/text/input_file.hpp"

namespace moeplan::text {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

// Nothing that check_encoding or check_controls would have to look at, but for lone CRs.
bool is_plain(std::string_view text) {
  bool odd = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    odd |= byte >= 0x7F || (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t');
  }
  return !odd;
}

}  // namespace

LineReader::LineReader(const std::filesystem::path& path)
    : name_(path.string()), file_(std::make_unique<InputFile>(path)) {
  if (!fill()) {
    check_encoding("", name_);  // says that the file is empty
  }
}

LineReader::~LineReader() = default;

bool LineReader::fill() {
  read_ += piece_.size();
  piece_ = std::move(rest_);
  rest_.clear();
  at_ = 0;
  std::size_t end = std::string::npos;
  while (!ended_ && end == std::string::npos) {
    if (piece_.size() > kLongestLine) {
      throw InputError({.code = "E_LIMIT",
                        .file = name_,
                        .mark = {number_ + 1, 0},
                        .what = "the line is too long",
                        .got = fmt::format("more than {} bytes", kLongestLine),
                        .expected = "at most 1 MiB a line"});
    }
    const std::size_t before = piece_.size();
    piece_.resize(before + kPiece);
    const std::size_t got = file_->read(piece_.data() + before, kPiece);
    piece_.resize(before + got);
    ended_ = got == 0;
    end = piece_.rfind('\n');
  }
  if (!ended_) {
    rest_ = piece_.substr(end + 1);
    piece_.resize(end + 1);
  }
  if (!is_plain(piece_)) {
    const PieceStart start{read_, number_ + 1};
    check_encoding(piece_, name_, start);
    check_controls(piece_, name_, start);
  }
  return !piece_.empty();
}

bool LineReader::next() {
  if (at_ >= piece_.size() && !fill()) {
    return false;
  }
  const std::size_t end = std::min(piece_.find('\n', at_), piece_.size());
  const std::size_t begin = at_;
  line_ = std::string_view(piece_).substr(begin, end - begin);
  at_ = end + 1;
  ++number_;
  const std::size_t carriage = line_.find('\r');
  if (carriage != std::string_view::npos) {
    if (carriage + 1 != line_.size() || end == piece_.size()) {
      check_controls(piece_.substr(begin, end - begin + 1), name_, {read_ + begin, number_});
    }
    line_.remove_suffix(1);
  }
  return true;
}

bool LineReader::only_empty_lines_follow() {
  while (piece_.find_first_not_of("\r\n", at_) == std::string::npos) {
    if (!fill()) {
      return true;
    }
  }
  return false;
}

}  // namespace moeplan::text
