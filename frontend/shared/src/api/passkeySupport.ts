/** Can this browser, at this address, make and use passkeys? They are bound to a name. */
export function passkeysWork(): boolean {
  const named = !/^[\d.]+$|:/.test(location.hostname);
  return "PublicKeyCredential" in globalThis && isSecureContext && named;
}

export async function passkeysAreOffered(): Promise<boolean> {
  if (!passkeysWork()) return false;
  // Older browsers lack it, whatever the types say.
  const known = PublicKeyCredential as Partial<typeof PublicKeyCredential>;
  return (await known.isConditionalMediationAvailable?.()) ?? false;
}
