#include "identity/passwords.hpp"

#include <algorithm>

#include "platform/mqtt/wire.hpp"

namespace pulse::identity {

namespace {

// The commonest of at least ten characters, in lists of leaked passwords; without case.
constexpr std::string_view common[] = {
    "1234567890",   "12345678910",  "123456789a",   "0123456789",    "9876543210",
    "0987654321",   "1111111111",   "0000000000",   "1212121212",    "1122334455",
    "1234512345",   "123123123123", "123456123456", "147258369a",    "1q2w3e4r5t",
    "1q2w3e4r5t6y", "1qaz2wsx3edc", "q1w2e3r4t5",   "q1w2e3r4t5y6",  "qwertyuiop",
    "qwerty12345",  "qwerty123456", "qwertyuiop[]", "qwerty1234",    "asdfghjkl;",
    "asdfghjkl1",   "zxcvbnm123",   "abcdefghij",   "abcdefg123",    "abcd123456",
    "abc1234567",   "password12",   "password123",  "password1234",  "password12345",
    "password!23",  "password1!",   "passw0rd123",  "p@ssw0rd123",   "passwordpassword",
    "mypassword",   "mypassword1",  "letmein123",   "letmein1234",   "welcome123",
    "welcome1234",  "admin12345",   "admin123456",  "administrator", "iloveyou123",
    "iloveyou12",   "sunshine123",  "princess123",  "football123",   "baseball123",
    "superman123",  "batman12345",  "dragon12345",  "monkey12345",   "master12345",
    "changeme123",  "changeme1234", "changemenow",  "secret12345",   "trustno1trustno1"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) {
    return (c & 0xc0) != 0x80;  // UTF-8: all but continuation bytes
  }));
}

}  // namespace

std::vector<std::string> password_faults(std::string_view password, std::string_view username,
                                         std::string_view email) {
  std::vector<std::string> out;
  if (characters(password) < shortest_password)
    out.push_back("The password must have at least 10 characters.");
  if (password.size() > longest_password_bytes) out.push_back("The password is too long.");
  if (!password.empty() && !mqtt::is_mqtt_utf8(password))
    out.push_back("The password holds characters that can't be used.");
  const auto plain = lower(password);
  if (!plain.empty() && (plain == lower(username) || plain == lower(email)))
    out.push_back("The password must not be your user name or email.");
  if (std::find(std::begin(common), std::end(common), plain) != std::end(common))
    out.push_back("This password is one of the commonest: it is guessed first.");
  const bool one_character =
      !plain.empty() && plain.find_first_not_of(plain.front()) == std::string::npos;
  if (one_character && characters(password) >= shortest_password)
    out.push_back("The password must not be one character over and over.");
  return out;
}

}  // namespace pulse::identity
