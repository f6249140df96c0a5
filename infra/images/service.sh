# Runs the service that SERVICE names. Its instance is named after the container, so that copies can be told apart.
set -eu
service="$SERVICE"
unset SERVICE
export SALLYPORT_INSTANCE="${SALLYPORT_INSTANCE:-$service-$(hostname)}"
# As infra/local/src/services.ts does: the cache spares a restart the compiler, the small nursery fits what a gateway allocates.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-/tmp/compile-cache}"
options=
if [ "$service" = gateway ]; then options=--max-semi-space-size=4; fi
exec node $options --import @sallyport/service-kit/telemetry.ts "services/$service/src/main.ts"
