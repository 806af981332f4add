#pragma once
// Secrets of destinations: sealed at rest, and '***' wherever a configuration is shown.
#include <optional>
#include <string>

#include "platform/crypto/crypto.hpp"
#include "routing/destination.hpp"

namespace pulse::routing {

/// Stands for a secret in a configuration; sent back, the stored one is kept.
inline constexpr std::string_view secret_mask = "***";

/// A configuration as it is stored.
struct SealedConfig {
  boost::json::object shown;          ///< secrets as '***'
  std::optional<std::string> sealed;  ///< nothing: it has none
};

/// The configuration with its secrets. Throws crypto::Error when no key opens them.
boost::json::object open_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                                boost::json::object shown,
                                const std::optional<std::string>& sealed);

/// Puts the stored secrets where `config` has '***'. Returns the names of those that were kept.
std::vector<std::string> keep_secrets(const DestinationKind& kind, boost::json::object& config,
                                      const boost::json::object& stored);

/// Throws HttpError 503 when there are secrets and no key to seal them.
SealedConfig seal_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                         const DestinationKind& kind, const boost::json::object& config);

}  // namespace pulse::routing
