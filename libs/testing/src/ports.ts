/** A free TCP port on loopback, for a test that must know it before it starts something. */
export { freePort } from '@sallyport/local/ports.ts';
