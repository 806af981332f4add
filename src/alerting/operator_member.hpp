#pragma once
// `operator` is a word that C++ keeps to itself: a struct's member `op` is called so outside.
#include <boost/describe.hpp>

namespace pulse::alerting {

/// How a member `op` is described.
template <class T>
struct OperatorMember {
  static constexpr auto pointer() noexcept { return &T::op; }
  static constexpr auto name() noexcept { return "operator"; }
};

}  // namespace pulse::alerting

#define PULSE_MEMBERS(C, ...) \
  BOOST_DESCRIBE_PP_FOR_EACH(BOOST_DESCRIBE_MEMBER_IMPL, C, ##__VA_ARGS__)
#define PULSE_MEMBERS_(...) PULSE_MEMBERS(__VA_ARGS__)

/// BOOST_DESCRIBE_STRUCT of a struct without bases that has a member `op`, between `Before` and
/// `After`.
#define PULSE_DESCRIBE_WITH_OPERATOR(C, Before, After)                                            \
  BOOST_DESCRIBE_MAYBE_UNUSED BOOST_DESCRIBE_BASES_(C)                                            \
  BOOST_DESCRIBE_MAYBE_UNUSED inline auto boost_public_member_descriptor_fn(C**) {                \
    return boost::describe::detail::member_descriptor_fn_impl<boost::describe::mod_public>(       \
        0 PULSE_MEMBERS_(C BOOST_DESCRIBE_PP_UNPACK Before),                                      \
        ::pulse::alerting::OperatorMember<C>() PULSE_MEMBERS_(C BOOST_DESCRIBE_PP_UNPACK After)); \
  }                                                                                               \
  BOOST_DESCRIBE_MAYBE_UNUSED BOOST_DESCRIBE_PROTECTED_MEMBERS_(C)                                \
  BOOST_DESCRIBE_MAYBE_UNUSED BOOST_DESCRIBE_PRIVATE_MEMBERS_(C)
