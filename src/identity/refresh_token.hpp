#pragma once
// Refresh tokens. To clients they are opaque, but keycloak-js reads them as JWTs, so they have that
// form: session id and a secret, signed HS256. The first secret is random, each next one follows
// from the token before by HMAC: two tabs that use one token at the same moment get the same
// successor. The signature proves that a token was once given out here, so that the use of an old
// one is told from a guess.
#include <optional>
#include <string>
#include <string_view>

namespace pulse::identity {

std::string first_refresh_token(std::string_view key, const std::string& session_id);
/// The token that takes the place of `token` (one of the same session).
std::string next_refresh_token(std::string_view key, const std::string& session_id,
                               std::string_view token);
/// The session that a token was given to; nothing when it was not made with `key`.
std::optional<std::string> session_of_token(std::string_view key, std::string_view token);

}  // namespace pulse::identity
