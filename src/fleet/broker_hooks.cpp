// The questions of an outside broker: who is this client, and may it do that (edge.md).
#include "fleet/broker_hooks.hpp"

#include <algorithm>

#include "fleet/topics.hpp"
#include "platform/crypto/crypto.hpp"

namespace pulse::fleet {

namespace {

struct AuthRequest {
  std::string username;
  std::optional<std::string> client_id, peer_cert_cn, password;
};
BOOST_DESCRIBE_STRUCT(AuthRequest, (), (username, client_id, peer_cert_cn, password))

struct AclRequest {
  std::string username, topic, action;
  std::optional<std::string> client_id;
};
BOOST_DESCRIBE_STRUCT(AclRequest, (), (username, topic, action, client_id))
inline auto constraints(json::As<AclRequest>) {
  return json::rules<AclRequest>().one_of(&AclRequest::action, {"publish", "subscribe"});
}

struct AuthVerdict {
  std::string result;
  bool is_superuser = false;
};
BOOST_DESCRIBE_STRUCT(AuthVerdict, (), (result, is_superuser))
struct AclVerdict {
  std::string result;
};
BOOST_DESCRIBE_STRUCT(AclVerdict, (), (result))

bool has_live_certificate(const DeviceCredentials& device) {
  return std::any_of(device.certificates.begin(), device.certificates.end(),
                     [&](const auto& c) { return credential_lives(device, c.id); });
}

Task<AuthVerdict> authenticate(BrokerHookDeps d, http::Body<AuthRequest> body) {
  const auto password = body->password.value_or("");
  if (body->username == d.service_username) {
    const bool right = !d.service_password.empty() && crypto::equal(password, d.service_password);
    co_return AuthVerdict{right ? "allow" : "deny"};
  }
  const auto identity = parse_identity(body->username);
  if (!identity) co_return AuthVerdict{"ignore"};
  const auto device = co_await d.lookup->find(identity->tenant, identity->device);
  if (!refusal_of(*device).empty()) co_return AuthVerdict{"deny"};
  // A user name proves nothing. The broker tells the name of a certificate only after it verified
  // it against our CA bundle and revocation list; here one must be registered under that name.
  const bool by_certificate = body->peer_cert_cn == body->username && password.empty();
  const bool right =
      by_certificate ? has_live_certificate(*device) : matching_token(*device, password) != nullptr;
  co_return AuthVerdict{right ? "allow" : "deny"};
}

Task<AclVerdict> authorize(BrokerHookDeps d, http::Body<AclRequest> body) {
  if (body->username == d.service_username) co_return AclVerdict{"allow"};
  const auto identity = parse_identity(body->username);
  if (!identity) co_return AclVerdict{"deny"};
  const bool right = body->action == "publish"
                         ? may_publish(identity->tenant, identity->device, body->topic)
                         : may_subscribe(identity->tenant, identity->device, body->topic);
  co_return AclVerdict{right ? "allow" : "deny"};
}

}  // namespace

void mount_broker_hooks(http::Router& api, BrokerHookDeps d) {
  api.post("/api/v1/internal/mqtt-auth", http::bound(d, authenticate))
      .internal()
      .tag("Internal")
      .summary("An outside broker asks who a client is")
      .fails(403, "Forbidden");
  api.post("/api/v1/internal/mqtt-acl", http::bound(d, authorize))
      .internal()
      .tag("Internal")
      .summary("An outside broker asks what a client may do")
      .fails(403, "Forbidden");
}

}  // namespace pulse::fleet
