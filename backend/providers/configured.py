"""The providers that the operator configured."""

from backend.providers.shipped import (
    CompatibleOptions,
    OpenRouterOptions,
    Providers,
    build_providers,
)
from backend.settings import Settings


def providers_from(settings: Settings) -> Providers:
    """What the operator configured; the demo when that is nothing."""
    router, local = settings.openrouter, settings.local
    servers = [
        CompatibleOptions(
            name, str(server.base_url), server.api_key.get_secret_value() if server.api_key else ""
        )
        for name, server in settings.providers.providers.items()
    ]
    if local.url:
        key = local.api_key.get_secret_value() if local.api_key else ""
        servers.insert(0, CompatibleOptions("local", local.url, key, local.timeout_seconds))
    options = None
    if router.api_key:
        options = OpenRouterOptions(
            api_key=router.api_key.get_secret_value(),
            base_url=str(router.base_url),
            app_url="" if router.attribution else None,
            silence=router.timeout,
        )
    return build_providers(openrouter=options, compatible=servers)
