// Asio's functions that are no templates: every other file sees their declarations only
// (BOOST_ASIO_SEPARATE_COMPILATION), which spares each of them a second of compiling.
#include <boost/asio/impl/src.hpp>
