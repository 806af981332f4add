// SNMP traps (RFC 3416) of version 2c, and of 3 with the user-based security model (RFC 3414).
#include <net-snmp/net-snmp-config.h>
//
#include <net-snmp/net-snmp-includes.h>

#include <charconv>
#include <mutex>

#include "alerting/notifications/outbound.hpp"
#include "platform/crypto/crypto.hpp"

namespace pulse::alerting::notifications {

namespace {

constexpr const char* default_prefix = "1.3.6.1.4.1.99999";
// When the clock of our engine began. Receivers refuse what is older than what they have seen, so
// it is the same in all processes, and never goes back.
constexpr std::int64_t engine_epoch_s = 1'735'689'600;

std::optional<std::vector<oid>> parse_oid(std::string_view text) {
  std::vector<oid> out;
  if (text.starts_with('.')) text.remove_prefix(1);
  while (true) {
    std::uint32_t part = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    out.push_back(part);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  // The first arcs are 0..2 and, below 2, 0..39 (X.660).
  if (out.size() < 3 || out.size() > 100 || out[0] > 2 || (out[0] < 2 && out[1] > 39))
    return std::nullopt;
  return out;
}

std::string version_of(const Config& config) {
  const auto* member = config.if_contains("version");
  if (member && member->is_int64()) return std::to_string(member->get_int64());
  const auto text = text_in(config, "version", "2c");
  return text.starts_with('v') ? text.substr(1) : text;
}

std::string user_of(const Config& config) {
  return text_in(config, "user", text_in(config, "username"));
}

/// The password of authentication or encryption, by any of the names that clients have for it.
std::string password_in(const Config& config, const std::string& kind) {
  return text_in(config, kind + "_password", text_in(config, kind + "_key", text_in(config, kind)));
}

struct Protocol {
  const char* name;
  const oid* id;
  std::size_t length;
};
const Protocol* auth_protocol(std::string_view name) {
  static const Protocol all[] = {
      {"SHA", usmHMACSHA1AuthProtocol, OID_LENGTH(usmHMACSHA1AuthProtocol)},
      {"MD5", usmHMACMD5AuthProtocol, OID_LENGTH(usmHMACMD5AuthProtocol)},
      {"SHA-256", usmHMAC192SHA256AuthProtocol, OID_LENGTH(usmHMAC192SHA256AuthProtocol)},
      {"SHA-512", usmHMAC384SHA512AuthProtocol, OID_LENGTH(usmHMAC384SHA512AuthProtocol)}};
  for (const auto& p : all)
    if (name == p.name) return &p;
  return nullptr;
}
const Protocol* priv_protocol(std::string_view name) {
  static const Protocol all[] = {{"AES", usmAESPrivProtocol, OID_LENGTH(usmAESPrivProtocol)},
                                 {"DES", usmDESPrivProtocol, OID_LENGTH(usmDESPrivProtocol)}};
  for (const auto& p : all)
    if (name == p.name) return &p;
  return nullptr;
}

/// Octets 5..32 long (RFC 3411, SnmpEngineID).
std::optional<std::string> engine_id_of(const Config& config, const std::string& installation) {
  auto text = text_in(config, "engine_id");
  if (text.empty())  // of the format "octets" by net-snmp's enterprise: the same for ever
    return std::string("\x80\x00\x1f\x88\x05", 5) + crypto::sha256(installation).substr(0, 12);
  if (text.starts_with("0x")) text = text.substr(2);
  auto bytes = crypto::from_hex(text);
  if (!bytes || bytes->size() < 5 || bytes->size() > 32) return std::nullopt;
  return bytes;
}

std::string fault(const SendDeps& deps, const Config& config) {
  if (auto wrong =
          texts_fault(config, {"host", "community", "user", "username", "auth_protocol",
                               "auth_password", "auth_key", "auth", "priv_protocol",
                               "priv_password", "priv_key", "priv", "oid_prefix", "engine_id"});
      !wrong.empty())
    return wrong;
  if (auto wrong = range_fault(config, "port", 1, 65'535); !wrong.empty()) return wrong;
  const auto version = version_of(config);
  if (version != "2c" && version != "3") return "version must be 2c or 3";
  if (!parse_oid(text_in(config, "oid_prefix", default_prefix)))
    return "oid_prefix must be numbers with dots, such as 1.3.6.1.4.1.99999";
  if (!engine_id_of(config, deps.ui_base)) return "engine_id must be 5 to 32 bytes in hex";
  if (version == "3") {
    const auto user = user_of(config);
    if (user.empty() || user.size() > 32) return "user must have 1 to 32 characters";
    const auto auth = password_in(config, "auth"), priv = password_in(config, "priv");
    if (!auth_protocol(text_in(config, "auth_protocol", "SHA")))
      return "auth_protocol must be one of SHA, MD5, SHA-256, SHA-512";
    if (!priv_protocol(text_in(config, "priv_protocol", "AES")))
      return "priv_protocol must be one of AES, DES";
    if ((!auth.empty() && auth.size() < 8) || (!priv.empty() && priv.size() < 8))
      return "SNMP passwords must have at least 8 characters";
    if (!priv.empty() && auth.empty()) return "priv_password needs an auth_password";
  }
  return host_fault(deps, text_in(config, "host"), number_in(config, "port", 162));
}

std::string destination(const Config& config) {
  return text_in(config, "host") + ":" + std::to_string(number_in(config, "port", 162));
}

/// What a session needs to be version 3; nothing wrong, or why it can't be.
std::string use_v3(snmp_session& s, const Config& config, std::string& user, std::string& engine) {
  s.version = SNMP_VERSION_3;
  s.securityName = user.data();
  s.securityNameLen = user.size();
  s.securityEngineID = reinterpret_cast<u_char*>(engine.data());
  s.securityEngineIDLen = engine.size();
  s.contextEngineID = s.securityEngineID;
  s.contextEngineIDLen = engine.size();
  s.engineBoots = 1;
  s.engineTime = static_cast<u_int>(now_ms() / 1'000 - engine_epoch_s);
  s.securityLevel = SNMP_SEC_LEVEL_NOAUTH;
  const auto auth = password_in(config, "auth"), priv = password_in(config, "priv");
  const auto key = [](const std::string& word, const Protocol& hash, u_char* out,
                      std::size_t* length) {
    return generate_Ku(hash.id, static_cast<u_int>(hash.length),
                       reinterpret_cast<const u_char*>(word.data()), word.size(), out,
                       length) == SNMPERR_SUCCESS;
  };
  const auto& hash = *auth_protocol(text_in(config, "auth_protocol", "SHA"));
  if (!auth.empty()) {
    s.securityLevel = SNMP_SEC_LEVEL_AUTHNOPRIV;
    s.securityAuthProto = const_cast<oid*>(hash.id);
    s.securityAuthProtoLen = hash.length;
    s.securityAuthKeyLen = USM_AUTH_KU_LEN;
    if (!key(auth, hash, s.securityAuthKey, &s.securityAuthKeyLen))
      return "the authentication key can't be made";
  }
  if (!priv.empty()) {
    const auto& cipher = *priv_protocol(text_in(config, "priv_protocol", "AES"));
    s.securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
    s.securityPrivProto = const_cast<oid*>(cipher.id);
    s.securityPrivProtoLen = cipher.length;
    s.securityPrivKeyLen = USM_PRIV_KU_LEN;
    if (!key(priv, hash, s.securityPrivKey, &s.securityPrivKeyLen))
      return "the privacy key can't be made";
  }
  return {};
}

void add_text(netsnmp_pdu* pdu, std::vector<oid> name, std::initializer_list<oid> below,
              const std::string& text) {
  name.insert(name.end(), below);
  snmp_pdu_add_variable(pdu, name.data(), name.size(), ASN_OCTET_STR, text.data(), text.size());
}

netsnmp_pdu* trap_of(const Notice& n, const std::vector<oid>& prefix) {
  static const oid up_time[] = {1, 3, 6, 1, 2, 1, 1, 3, 0};
  static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0};
  auto* pdu = snmp_pdu_create(SNMP_MSG_TRAP2);
  const long ticks = static_cast<long>((now_ms() / 10) % 0x7fffffff);
  snmp_pdu_add_variable(pdu, up_time, OID_LENGTH(up_time), ASN_TIMETICKS, &ticks, sizeof ticks);
  auto what = prefix;
  what.insert(what.end(), {0, 1});
  snmp_pdu_add_variable(pdu, trap_oid, OID_LENGTH(trap_oid), ASN_OBJECT_ID, what.data(),
                        what.size() * sizeof(oid));
  add_text(pdu, prefix, {1, 1, 0}, std::to_string(n.alert_id));
  add_text(pdu, prefix, {1, 2, 0}, n.device_id);
  add_text(pdu, prefix, {1, 3, 0}, n.tenant_id);
  auto severity = prefix;
  severity.insert(severity.end(), {1, 4, 0});
  const long level = static_cast<long>(n.severity);
  snmp_pdu_add_variable(pdu, severity.data(), severity.size(), ASN_INTEGER, &level, sizeof level);
  // A datagram has to hold it all.
  add_text(pdu, prefix, {1, 5, 0}, "[" + label_of(n) + "] " + shortened(text_of(n), 800));
  add_text(pdu, prefix, {1, 6, 0}, iso8601(n.at.value_or(n.triggered_at)));
  return pdu;
}

/// The same in each attempt: what a receiver knows a repeat by (RFC 3416, 3: any 32 bits).
long request_id(const Notice& notice) {
  const auto digest = crypto::sha256(notice.idempotency_key);
  long out = 0;
  for (int i = 0; i < 4; ++i) out = (out << 8) | static_cast<unsigned char>(digest[i]);
  return out & 0x7fffffff;
}

void prepare_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Nothing of the machine's own configuration, and no names of objects.
    snmp_disable_log();
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    init_snmp("pulse");
  });
}

/// The library has tables of its own that threads would share: one at a time. A trap has no answer,
/// so it takes no time.
SendResult send_trap(const Config& config, const std::string& peer, const Notice& notice,
                     const std::string& installation) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  prepare_library();
  snmp_session wanted;
  snmp_sess_init(&wanted);
  std::string name = peer, community = text_in(config, "community", "public"),
              user = user_of(config), engine = *engine_id_of(config, installation);
  wanted.peername = name.data();
  if (version_of(config) == "3") {
    if (auto wrong = use_v3(wanted, config, user, engine); !wrong.empty())
      return SendResult::refused(wrong);
    // A user of this name that is known from an earlier trap may have another password now.
    auto* known = usm_get_user(wanted.securityEngineID, wanted.securityEngineIDLen, user.data());
    if (known) {
      usm_remove_user(known);
      usm_free_user(known);
    }
  } else {
    wanted.version = SNMP_VERSION_2c;
    wanted.community = reinterpret_cast<u_char*>(community.data());
    wanted.community_len = community.size();
  }
  void* session = snmp_sess_open(&wanted);
  if (!session) return SendResult::failed("the trap's receiver can't be reached");
  const auto prefix = *parse_oid(text_in(config, "oid_prefix", default_prefix));
  auto* pdu = trap_of(notice, prefix);
  pdu->reqid = request_id(notice);
  const bool sent = snmp_sess_send(session, pdu) != 0;
  if (!sent) snmp_free_pdu(pdu);
  snmp_sess_close(session);
  return sent ? SendResult::done() : SendResult::failed("the trap could not be sent");
}

Task<SendResult> send(SendDeps deps, Config config, Notice notice) {
  SendResult result;
  const auto port = number_in(config, "port", 162);
  auto host = text_in(config, "host");
  const auto address = co_await guarded_address(deps, std::move(host), port, &result);
  if (!address) co_return result;
  const auto peer = address->find(':') == std::string::npos
                        ? "udp:" + *address + ":" + std::to_string(port)
                        : "udp6:[" + *address + "]:" + std::to_string(port);
  std::function<SendResult()> work = [config, peer, notice, base = deps.ui_base] {
    return send_trap(config, peer, notice, base);
  };
  co_return co_await off_loop(deps, std::move(work));
}

}  // namespace

const Sender& snmp() {
  static const Sender sender{
      "snmp",
      {"host"},
      {"community", "auth_password", "auth_key", "auth", "priv_password", "priv_key", "priv"},
      {"port", "version", "user", "username", "auth_protocol", "priv_protocol", "oid_prefix",
       "engine_id"},
      fault,
      destination,
      send};
  return sender;
}

}  // namespace pulse::alerting::notifications
