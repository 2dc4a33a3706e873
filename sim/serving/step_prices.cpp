#include "sim/serving/step_prices.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// One round of a multiply-and-fold hash; no output depends on it.
std::uint64_t mixed(std::uint64_t hash, std::int64_t value) {
  const std::uint64_t x = (hash ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15;
  return x ^ (x >> 32);
}

bool is_equal(const PrefillPiece& a, const PrefillPiece& b) {
  return a.chunk == b.chunk && a.history == b.history;
}

std::uint64_t hash_of(const RankBatch& batch) {
  std::uint64_t hash = mixed(static_cast<std::uint64_t>(batch.decode_sequences), batch.sampled);
  for (const PrefillPiece& piece : batch.prefill) {
    hash = mixed(hash, piece.chunk << 32 ^ piece.history);
  }
  return mixed(hash, 0);
}

}  // namespace

DecodeLine StepPrices::ask_line(std::int64_t n, std::int64_t kv_tokens) {
  const std::optional<DecodeLine> line = cost_->decode_line(n, kv_tokens);
  require(line.has_value(), "a cost that gives decode lines gives all of them");
  require(kv_tokens >= line->kv_tokens_from && kv_tokens <= line->kv_tokens_to,
          "a decode line does not reach the KV tokens it was asked for");
  return *line;
}

void StepPrices::load(std::int64_t n, std::int64_t kv_tokens, Line& line) {
  PhaseTimes replaced = line.base;
  replaced *= line.steps;
  others_ += replaced;
  line.steps = 0;
  const DecodeLine found = ask_line(n, kv_tokens);
  line.base = found.base;
  line.total = found.base.total().picoseconds();
  line.fs_per_kv_token = found.attention_fs_per_kv_token;
  line.from = found.kv_tokens_from;
  line.to = found.kv_tokens_to;
  if (kv_tokens > found.kv_tokens_inside) {
    // Outside the measured range: the cost is told so, once per piece.
    asked_.clear();
    asked_.decode_sequences = asked_.sampled = n;
    asked_.decode_kv_tokens = kv_tokens;
    (void)cost_->cost({&asked_, 1});
  } else {
    line.to = std::min(line.to, found.kv_tokens_inside);
  }
}

void StepPrices::load_mixed(const RankBatch& batch, MixedLine& line) {
  const std::uint64_t remembered = cost_->remembered();
  const DecodeLine found = ask_line(batch.decode_sequences, batch.decode_kv_tokens);
  const DecodeLine at_zero = ask_line(batch.decode_sequences, 0);
  cost_->remember_only(remembered);
  line.offset = (found.base.total() - at_zero.base.total()).picoseconds();
  require(
      line.offset == (found.base[Phase::attention] - at_zero.base[Phase::attention]).picoseconds(),
      "pieces of a decode line differ in attention alone");
  line.fs_per_kv_token = found.attention_fs_per_kv_token;
  line.from = found.kv_tokens_from;
  line.to = found.kv_tokens_to;
  if (batch.decode_kv_tokens > found.kv_tokens_inside) {
    (void)cost_->cost({&batch, 1});
  } else {
    line.to = std::min(line.to, found.kv_tokens_inside);
  }
}

bool StepPrices::is_same(const Mixed& known, const RankBatch& batch) const {
  return known.decodes == batch.decode_sequences && known.sampled == batch.sampled &&
         known.piece_count == batch.prefill.size() &&
         is_equal(known.first, batch.prefill.front()) &&
         (known.piece_count == 1 ||
          std::equal(batch.prefill.begin() + 1, batch.prefill.end(),
                     pieces_.begin() + static_cast<std::ptrdiff_t>(known.others), is_equal));
}

std::int64_t StepPrices::mixed_ps(const RankBatch& batch) {
  MixedLine& line = at(mixed_lines_, batch.decode_sequences);
  const std::int64_t base = mixed_base(batch, line.last[batch.prefill.size() % line.last.size()]);
  const std::int64_t kv_tokens = batch.decode_kv_tokens;
  if (batch.decode_sequences == 0) {
    return base;
  }
  if (kv_tokens < line.from || kv_tokens > line.to) {
    load_mixed(batch, line);
  }
  const std::int64_t attention = line.offset + kv_tokens * line.fs_per_kv_token / 1000;
  attention_ps_ += attention;
  return base + attention;
}

// At 0 KV tokens. `last`: where to look first, and where to remember what was found.
std::int64_t StepPrices::mixed_base(const RankBatch& batch, std::int32_t& last) {
  if (last >= 0 && is_same(mixed_[static_cast<std::size_t>(last)], batch)) {
    ++mixed_[static_cast<std::size_t>(last)].steps;
    return mixed_[static_cast<std::size_t>(last)].total;
  }
  const std::uint64_t hash = hash_of(batch);
  std::size_t probe = hash & (probes_.size() - 1);
  for (; probes_[probe] >= 0; probe = (probe + 1) & (probes_.size() - 1)) {
    Mixed& known = mixed_[static_cast<std::size_t>(probes_[probe])];
    if (known.hash == hash && is_same(known, batch)) {
      last = probes_[probe];
      ++known.steps;
      return known.total;
    }
  }
  asked_ = batch;
  asked_.decode_kv_tokens = 0;
  const PhaseTimes times = cost_->cost({&asked_, 1});
  const std::int64_t total = times.total().picoseconds();
  if (mixed_.size() * 2 >= kMostProbes || batch.prefill.size() > kMostPieces) {
    others_ += times;
    return total;
  }
  last = static_cast<std::int32_t>(mixed_.size());
  probes_[probe] = last;
  mixed_.push_back({.hash = hash,
                    .decodes = static_cast<std::int32_t>(batch.decode_sequences),
                    .sampled = static_cast<std::int32_t>(batch.sampled),
                    .first = batch.prefill.front(),
                    .others = static_cast<std::uint32_t>(pieces_.size()),
                    .piece_count = static_cast<std::uint32_t>(batch.prefill.size()),
                    .total = total,
                    .steps = 1});
  mixed_times_.push_back(times);
  pieces_.insert(pieces_.end(), batch.prefill.begin() + 1, batch.prefill.end());
  if (mixed_.size() * 2 > probes_.size()) {
    widen();
  }
  return total;
}

void StepPrices::widen() {
  probes_.assign(2 * probes_.size(), -1);
  for (std::size_t i = 0; i < mixed_.size(); ++i) {
    std::size_t probe = mixed_[i].hash & (probes_.size() - 1);
    while (probes_[probe] >= 0) {
      probe = (probe + 1) & (probes_.size() - 1);
    }
    probes_[probe] = static_cast<std::int32_t>(i);
  }
}

PhaseTimes StepPrices::phases() const {
  PhaseTimes sum = others_;
  const auto add = [&](PhaseTimes times, std::int64_t steps) {
    times *= steps;
    sum += times;
  };
  for (const Line& line : decode_lines_) {
    add(line.base, line.steps);
  }
  for (std::size_t i = 0; i < mixed_.size(); ++i) {
    add(mixed_times_[i], mixed_[i].steps);
  }
  sum.set(Phase::attention, sum[Phase::attention] + SimDuration(attention_ps_));
  return sum;
}

}  // namespace moeplan::sim
