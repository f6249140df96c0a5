# Runs the service that SERVICE names. Its instance is named after the container, so that copies can be told apart.
set -eu
service="$SERVICE"
unset SERVICE
export SALLYPORT_INSTANCE="${SALLYPORT_INSTANCE:-$service-$(hostname)}"
exec node --import @sallyport/service-kit/telemetry.ts "services/$service/src/main.ts"
