#include "routing/secrets.hpp"

#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::routing {

namespace {

/// Authenticated with the sealed text, so that it opens only for its tenant.
std::string place_of(const std::string& tenant_id) { return "message_routes:" + tenant_id; }

bool is_mask(const boost::json::value& v) { return v.is_string() && v.get_string() == secret_mask; }

boost::json::value masked(const boost::json::value& secret) {
  if (const auto* o = secret.if_object()) {
    boost::json::object out;
    for (const auto& [name, value] : *o) out[name] = secret_mask;
    return out;
  }
  return boost::json::string(secret_mask);
}

}  // namespace

boost::json::object open_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                                boost::json::object shown,
                                const std::optional<std::string>& sealed) {
  if (!sealed) return shown;
  const auto secrets = boost::json::parse(sealer.open(*sealed, place_of(tenant_id)));
  for (const auto& [name, value] : secrets.as_object()) shown[name] = value;
  return shown;
}

std::vector<std::string> keep_secrets(const DestinationKind& kind, boost::json::object& config,
                                      const boost::json::object& stored) {
  std::vector<std::string> kept;
  for (const auto name : kind.secrets) {
    auto* given = config.if_contains(name);
    const auto* known = stored.if_contains(name);
    if (!given || !known) continue;
    if (is_mask(*given) && known->is_string()) {
      *given = *known;
      kept.emplace_back(name);
    } else if (given->is_object() && known->is_object()) {
      for (auto& [member, value] : given->get_object()) {
        const auto* was = known->get_object().if_contains(member);
        if (!is_mask(value) || !was) continue;
        value = *was;
        kept.push_back(std::string(name) + "." + std::string(member));
      }
    }
  }
  return kept;
}

SealedConfig seal_config(const crypto::Sealer& sealer, const std::string& tenant_id,
                         const DestinationKind& kind, const boost::json::object& config) {
  SealedConfig out;
  out.shown = config;
  boost::json::object secrets;
  for (const auto name : kind.secrets) {
    auto* given = out.shown.if_contains(name);
    const bool empty = !given || (given->is_string() && given->get_string().empty()) ||
                       (given->is_object() && given->get_object().empty());
    if (empty) continue;
    secrets[name] = *given;
    *given = masked(*given);
  }
  if (secrets.empty()) return out;
  if (!sealer.ready()) throw HttpError(503, "Secrets can't be kept: PULSE_SECRET_KEY is not set");
  out.sealed = sealer.seal(json::to_text(boost::json::value(secrets)), place_of(tenant_id));
  return out;
}

}  // namespace pulse::routing
