#pragma once
// The worker's checks, in the order of the contract (messages.md, "Ingest worker"), and their
// reasons. No I/O here.
#include <set>
#include <string>
#include <vector>

#include "fleet/registry_cache.hpp"
#include "platform/nats/client.hpp"
#include "telemetry/ingest_batch.hpp"
#include "telemetry/ingest_store.hpp"

namespace pulse::telemetry {

/// What the environment and app_settings say.
struct JudgeSettings {
  PayloadLimits limits;
  bool store_rejects = true;
  bool require_token = true;
  bool payload_bytes_given = false;  ///< by the environment, which goes before app_settings
  /// Takes a row of app_settings; unknown keys and malformed values are left alone.
  void set(std::string_view key, std::string_view value);
};

/// A message that was read: its envelope and payload, or why not.
struct JudgedMessage {
  boost::json::value json;
  Envelope envelope;
  Payload payload;
  std::string reason;  ///< empty: fine so far
  std::string detail;
  std::uint64_t stream_seq = 0;
  bool accepted = false;  ///< by judge_all, though it may be stored already
  /// The payload as text, token masked.
  std::string masked_payload() const;
};

/// The id of the token that the door let a message in by; empty when it was none.
std::string_view token_id_of(const Envelope& envelope);

/// Parses a delivered message into `arena`; checks what needs no registry.
JudgedMessage open_message(const nats::Delivered& message, boost::json::storage_ptr arena,
                           const PayloadLimits& limits);

/// The reason why this message can't be stored, or empty. `now_ms` is the worker's clock.
std::string judge_against(const JudgedMessage& message, const fleet::DeviceFacts* device,
                          const JudgeSettings& settings, std::int64_t now_ms);

/// Sorts messages [from, to) into the batch. Those in `stored` are left out; returns how many.
std::size_t judge_all(std::vector<JudgedMessage>& messages, std::size_t from, std::size_t to,
                      const fleet::RegistryCache& registry, const JudgeSettings& settings,
                      const std::set<StoredKey>& stored, IngestBatch& batch);

}  // namespace pulse::telemetry
